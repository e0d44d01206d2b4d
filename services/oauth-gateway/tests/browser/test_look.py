"""Each page, light and dark, wide and narrow: no console message, nothing for axe to find."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

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
    "proof": "/integrations/shopify/stores/{us}/proof",
    "products": "/integrations/shopify/stores/{us}/products",
    "privacy": "/privacy",
    "emails": "/emails",
}

ONLY_VIOLATIONS = {"resultTypes": ["violations"]}
"""What axe is to describe; describing all that is well takes as long as looking."""


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


async def test_proofs_and_order_histories_look_well(chromium: Browser, served: Served, seed: Seed) -> None:
    """Every state of both: different, being checked, failed, to decide about; granted, noted, being read, complete."""
    us, eu, wholesale = (served.stores[name] for name in ("us", "eu", "wholesale"))
    seed.complete_history(seed.store(1, "acme-complete.myshopify.com"))
    checked = seed.check(us)
    for resource, count in (("customers", 57), ("orders", 1)):
        seed.deletions(us, checked, resource, count)
    seed.deletions(us, seed.check(us), "orders", 3, state="deleted")
    seed.deletions(us, seed.check(us), "products", 2, state="kept", user_id=1)
    seed.execute("DELETE FROM sync.proofs WHERE store_id = %(s)s AND resource = 'customers'", s=us)
    seed.proof(us, "customers", 1234, 1233, missing=1)
    seed.check(eu, state="running")
    seed.job(
        eu,
        status="running",
        started=timedelta(minutes=-1),
        parts={"orders": {"state": "running", "total": 90}},
    )
    seed.execute(
        "UPDATE sync.sync_jobs SET throttled_until = %(at)s WHERE store_id = %(s)s AND status = 'running'",
        at=seed.now + timedelta(seconds=42), s=eu,
    )  # fmt: skip
    for store in (us, eu):
        seed.grant(store, "read_all_orders", "read_customers", "read_orders", "read_products")
    reading = seed.job(
        us, status="running", job_type="backfill", started=timedelta(minutes=-5),
        parts={"orders": {"state": "running", "total": 12_000}},
    )  # fmt: skip
    seed.written(reading, "orders", 3000)
    seed.wish_history(wholesale)
    other = seed.store(1, "acme-late.myshopify.com")
    seed.check(other, state="failed", error="Shopify did not answer")
    context = await chromium.new_context(reduced_motion="reduce", has_touch=True)
    looking = await looker(context)
    page = looking.page
    await looking.log_in(served)

    for width, scheme in ((1280, "light"), (1280, "dark"), (390, "light"), (390, "dark"), (320, "light")):
        await page.set_viewport_size({"width": width, "height": 800})
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        for name, path in (
            ("proofs", ""),
            ("proof-different", f"/stores/{us}/proof"),
            ("proof-failed", f"/stores/{other}/proof"),
            ("deletion", f"/stores/{us}/deletions?check={checked}&resource=customers"),
        ):
            await page.goto(f"{served.shopify}{path}")
            await keep_picture(page, f"{name}-{width}-{scheme}")
            assert await over_the_edge(page) == [], f"{name} at {width} px"
            assert await violations(page) == [], f"{name} at {width} px"

    assert looking.messages == []
    await context.close()


async def test_records_are_deleted_from_the_dialog(chromium: Browser, served: Served, seed: Seed) -> None:
    us = served.stores["us"]
    seed.deletions(us, seed.check(us), "customers", 57)
    context = await chromium.new_context(reduced_motion="reduce")
    looking = await looker(context)
    page = looking.page
    await looking.log_in(served)
    await page.goto(served.shopify)

    await page.get_by_role("link", name="Delete or keep them").click()
    await page.get_by_role("dialog", name="Proof of acme.myshopify.com").wait_for()
    found = await violations(page)
    await keep_picture(page, "proof-dialog", full=False)
    await page.get_by_role("link", name="Delete 57 customers").click()
    await page.get_by_role("dialog", name="Delete 57 customers of acme.myshopify.com?").wait_for()
    found += await violations(page)
    await keep_picture(page, "deletion-dialog", full=False)
    await page.get_by_role("link", name="Cancel").click()
    await page.get_by_role("dialog", name="Proof of acme.myshopify.com").wait_for()
    await page.get_by_role("link", name="Delete 57 customers").click()
    await page.get_by_role("button", name="Delete 57 customers").click()
    await page.get_by_text("Deleting 57 customers of acme.myshopify.com.").wait_for()

    await expect(page.get_by_role("dialog")).to_have_count(0)  # it fades while the toast is there
    assert seed.scalar("SELECT body::jsonb ->> 'decision' FROM gateway.outbox") == "delete"
    await (
        page.get_by_role("article", name="acme.myshopify.com").get_by_role("button", name="Settings").click()
    )
    await page.get_by_role("button", name="Sync only products").click()
    await page.get_by_text("Sync of acme.myshopify.com started.").wait_for()
    await expect(page.locator("#menu")).to_be_hidden()
    assert seed.scalar("SELECT max(body::jsonb ->> 'job_type') FROM gateway.outbox") == "products_only"
    assert found == []
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


async def violations(page: Page) -> list[str]:
    """Return what axe finds, once nothing is half faded in: the colours on the way are nobody's choice."""
    await page.evaluate(
        """Promise.allSettled(document.getAnimations()
             .filter((one) => one instanceof CSSTransition).map((one) => one.finished))"""
    )
    results = await Axe().run(page, options=ONLY_VIOLATIONS)
    return [
        f"{violation['id']}: {node['html'][:160]}"
        for violation in results.response["violations"]
        for node in violation["nodes"]
    ]


async def keep_picture(page: object, name: str, *, full: bool = True) -> None:
    """Save a picture where SCREENSHOTS names a folder."""
    if folder := os.environ.get("SCREENSHOTS"):
        await page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=full)  # type: ignore[attr-defined]
