"""Each page, light and dark, wide and narrow: no console message, nothing for axe to find."""

import os
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser

from .conftest import Served, looker

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

PAGES = {
    "integrations": "",
    "shopify": "/shopify",
    "connect": "/shopify/connect",
    "disconnect": "/shopify/disconnect?store={us}",
    "rename": "/shopify/stores/{us}/name",
    "sync": "/shopify/syncs/{running}",
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
        await page.goto(f"{served.url}/advertisers/acme/integrations{path.format(**served.stores)}")
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
