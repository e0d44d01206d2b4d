"""Each page, light and dark, wide and narrow: no console message, nothing for axe to find."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page

from ..seed import Seed
from .conftest import Served, looker

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

PAGES = {
    "integrations": "/integrations",
    "shopify": "/integrations/shopify",
    "connect": "/integrations/shopify/connect",
    "disconnect": "/integrations/shopify/disconnect?store={us}",
    "settings": "/integrations/shopify/stores/{us}/settings",
    "rename": "/integrations/shopify/stores/{us}/name",
    "sync": "/integrations/shopify/syncs/{running}",
    "deliveries": "/integrations/shopify/stores/{us}/deliveries",
    "privacy": "/privacy",
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_pages_are_clean(
    chromium: Browser, served: Served, scheme: Literal["light", "dark"], width: int
) -> None:
    context = await chromium.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        reduced_motion="reduce",
        has_touch=width < 500,
    )
    looking = await looker(context)
    page = looking.page

    await page.goto(f"{served.url}/login")
    found = {"login": await violations(page)}
    await keep_picture(page, f"login-{width}-{scheme}")
    await looking.log_in(served)
    for name, path in PAGES.items():
        await page.goto(f"{served.url}/advertisers/acme{path.format(**served.stores)}")
        await page.evaluate("document.fonts.ready")
        found[name] = await violations(page)
        await keep_picture(page, f"{name}-{width}-{scheme}")
        if name == "integrations":
            await page.get_by_role("button", name="Acme Apparel").click()
            found["account"] = await violations(page)
            await keep_picture(page, f"account-{width}-{scheme}", full=False)
            await page.keyboard.press("Escape")
            if width < 500:
                await page.get_by_role("button", name="Menu").click()
                await keep_picture(page, f"nav-{width}-{scheme}", full=False)
        if name == "shopify":
            await (
                page.get_by_role("article", name="acme.myshopify.com")
                .get_by_role("button", name="Settings")
                .click()
            )
            found["menu"] = await violations(page)
            await keep_picture(page, f"menu-{width}-{scheme}", full=False)
            await page.get_by_role("link", name="Disconnect store").click()
            await page.get_by_role("dialog").wait_for()
            found["dialog"] = await violations(page)
            await keep_picture(page, f"dialog-{width}-{scheme}", full=False)
        overflow = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert overflow <= 0, f"{name} scrolls sideways by {overflow} px"

    assert looking.messages == []
    assert {name: texts for name, texts in found.items() if texts} == {}
    await context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_install_pages_are_clean(
    chromium: Browser, served: Served, seed: Seed, scheme: Literal["light", "dark"], width: int
) -> None:
    context = await chromium.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, has_touch=width < 500
    )
    looking = await looker(context)
    page = looking.page
    await looking.log_in(served)
    cookie = {"name": "install", "value": "a-secret", "url": served.url}
    await context.add_cookies([cookie])  # type: ignore[list-item]
    seed.execute(
        """INSERT INTO gateway.install_claims (browser_hash, shop_domain, shop_name, claim, expires_at)
           VALUES (sha256('a-secret'), 'acme-outlet.myshopify.com', 'Acme Outlet', 'c', %(now)s + interval '1 h')""",
        now=seed.now,
    )
    others = """WITH made AS (
                  INSERT INTO gateway.advertisers (slug, name) VALUES ('globex', 'Globex'),
                    ('initech', 'The Initech Company for Hats, Gloves and Other Things of Wool') RETURNING id)
                INSERT INTO gateway.memberships (advertiser_id, user_id, role)
                SELECT made.id, users.id, 'admin' FROM made, gateway.users"""
    for name, change in (
        ("one", "SELECT 1"),
        ("three", others),
        ("looker", "UPDATE gateway.memberships SET role = 'member'"),
        ("nobody", "DELETE FROM gateway.memberships"),
        ("expired", "DELETE FROM gateway.install_claims"),
    ):
        seed.execute(change)
        await page.goto(f"{served.url}/install")
        await page.evaluate("document.fonts.ready")
        await keep_picture(page, f"install-{name}-{width}-{scheme}")
        assert await violations(page) == [], name
        assert await over_the_edge(page) == [], name

    statuses = [message for message in looking.messages if "status of 4" not in message]
    assert statuses == []
    await context.close()


async def test_stores_that_may_not_be_read_whole_look_well(
    chromium: Browser, served: Served, seed: Seed
) -> None:
    us, wholesale = served.stores["us"], served.stores["wholesale"]
    seed.grant(us, "read_customers", "read_products")
    seed.grant(wholesale, "read_customers")
    skipped = seed.job(
        us,
        parts={
            "customers": {"state": "done", "created": 3},
            "orders": {"state": "skipped", "skip_reason": "scope_missing"},
            "products": {"state": "skipped", "skip_reason": "not_due"},
        },
    )
    seed.execute(
        """UPDATE sync.sync_job_parts SET state = 'skipped', skip_reason = 'scope_missing'
           WHERE job_id = %(job)s AND resource <> 'customers'""",
        job=served.stores["running"],
    )
    context = await chromium.new_context(reduced_motion="reduce", has_touch=True)
    looking = await looker(context)
    page = looking.page
    await looking.log_in(served)

    for width, scheme in ((1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")):
        await page.set_viewport_size({"width": width, "height": 800})
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        for name, path in (("scopes", ""), ("scopes-sync", f"/syncs/{skipped}")):
            await page.goto(f"{served.shopify}{path}")
            await keep_picture(page, f"{name}-{width}-{scheme}")
            assert await over_the_edge(page) == [], f"{name} at {width} px"
            assert await violations(page) == []

    assert looking.messages == []
    await context.close()


async def test_narrow_pages_hold_long_names_and_every_state(
    chromium: Browser, served: Served, seed: Seed
) -> None:
    """A long name, a running card's foot, the account sheet and the details' columns ran over the edge."""
    us, eu = served.stores["us"], served.stores["eu"]
    seed.execute("UPDATE gateway.shopify_stores SET name = repeat('Acme', 25) WHERE id = %(store)s", store=us)
    seed.job(us, status="running", started=timedelta(minutes=-1), parts={"orders": {"state": "running"}})
    failed = seed.job(eu, status="failed", attempt=2, error="API rate limit exceeded.")
    seed.job(eu, status="pending", attempt=3, due=timedelta(minutes=15))
    seed.execute(
        "UPDATE sync.store_state SET last_sync_error = 'API rate limit exceeded.' WHERE store_id = %(s)s",
        s=eu,
    )
    context = await chromium.new_context(reduced_motion="reduce", has_touch=True, is_mobile=True)
    looking = await looker(context)
    page = looking.page
    await looking.log_in(served)

    for width, scheme in ((1280, "light"), (390, "light"), (390, "dark"), (320, "light")):
        await page.set_viewport_size({"width": width, "height": 800})
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        for name, path in (
            ("states", ""),
            ("reconnect", "/connect?shop=acme-outlet.myshopify.com"),
            ("failed", f"/syncs/{failed}"),
            ("completed", f"/syncs/{served.stores['running'] - 1}"),
            ("webhooks", f"/stores/{us}/deliveries"),
            ("privacy-filled", "/../../privacy"),
        ):
            await page.goto(f"{served.shopify}{path}")
            await keep_picture(page, f"{name}-{width}-{scheme}")
            assert await over_the_edge(page) == [], f"{name} at {width} px"
            assert await violations(page) == []
        await page.get_by_role("button", name="Acme Apparel").click()
        assert await over_the_edge(page, "#account-sheet") == [], f"account at {width} px"

    assert looking.messages == []
    await context.close()


async def over_the_edge(page: Page, within: str = "main") -> list[str]:
    """Return the elements that stick out of the window, or out of the card they belong to."""
    found = await page.evaluate(
        """within => [...document.querySelectorAll(`${within}, ${within} *`)].filter((element) => {
          if (element.closest(".sr, .ticks, thead") || !element.checkVisibility()) return false;
          const box = element.getBoundingClientRect();
          const card = element.closest(".card")?.getBoundingClientRect();
          return box.right > innerWidth + 1 || box.left < -1 || (card && box.right > card.right + 1);
        }).map((element) => element.outerHTML.slice(0, 120))""",
        within,
    )
    return list(found)


async def violations(page: object) -> list[str]:
    results = await Axe().run(page)
    return [
        f"{violation['id']}: {node['html'][:160]}"
        for violation in results.response["violations"]
        for node in violation["nodes"]
    ]


async def keep_picture(page: object, name: str, *, full: bool = True) -> None:
    """Save a picture where SCREENSHOTS names a folder."""
    if folder := os.environ.get("SCREENSHOTS"):
        await page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=full)  # type: ignore[attr-defined]
