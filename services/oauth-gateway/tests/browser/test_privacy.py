"""What an owner does on the privacy page, with scripts and without."""

import json
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from ..seed import Seed
from .conftest import Looker, Served, looker
from .test_look import keep_picture, over_the_edge, violations

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
async def test_owner_downloads_an_export_and_is_noted(
    chromium: Browser, served: Served, seed: Seed, scripts: bool
) -> None:
    context = await chromium.new_context(java_script_enabled=scripts)
    looking = await looker(context)
    page = looking.page
    await looking.log_in(served)

    await page.get_by_role("link", name="Privacy").click()
    async with page.expect_download() as started:
        await page.get_by_role("button", name="Download").click()
    download = await started.value
    document = json.loads(Path(await download.path()).read_bytes())  # noqa: ASYNC240 - small, and already there
    await page.reload()

    assert download.suggested_filename == "customer-data-request-9001.json"
    assert len(document["records"]) == 3
    await expect(page.get_by_role("region", name="Downloads").get_by_text("Dana Reyes")).to_have_count(2)
    assert seed.scalar("SELECT count(*) FROM gateway.data_access") == 2
    assert looking.messages == []
    await context.close()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
async def test_choice_is_saved_and_taken_back(
    chromium: Browser, served: Served, seed: Seed, scripts: bool
) -> None:
    context = await chromium.new_context(java_script_enabled=scripts)
    looking = await looker(context)
    page = looking.page
    await looking.log_in(served)
    await page.goto(f"{served.url}/advertisers/acme/privacy")
    keep, erase = page.get_by_label("Keep anonymous"), page.get_by_label("Erase orders")
    await expect(keep).to_be_checked()

    await erase.check()
    await page.get_by_role("button", name="Save choice").click()
    await expect(page.get_by_text("Saved: Erase orders and products too.")).to_be_visible()
    await expect(erase).to_be_checked()
    chosen = seed.scalar("SELECT redact_preference FROM gateway.advertisers")
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_text("Saved: Keep anonymous orders and products.")).to_be_visible()
    await expect(keep).to_be_checked()

    assert chosen == "erase"
    assert seed.scalar("SELECT redact_preference FROM gateway.advertisers") == "anonymise"
    assert looking.messages == []
    await context.close()


async def test_banner_can_be_dismissed_where_there_are_no_stores(looking: Looker, served: Served) -> None:
    """The answer holds the fragments of the Shopify page; what this page has not is passed over."""
    page = looking.page
    await page.goto(f"{served.url}/advertisers/acme/privacy")

    await page.get_by_role("button", name="Dismiss for 24h").click()

    await expect(page.get_by_text("Action Required")).to_have_count(0)
    await expect(page.get_by_role("link", name="Privacy")).to_have_attribute("aria-current", "page")
    assert looking.messages == []


async def test_webhooks_of_a_store_open_as_a_dialog(looking: Looker) -> None:
    page = looking.page
    card = page.get_by_role("article", name="acme.myshopify.com")

    await card.get_by_role("link", name="p50 0.2 s, p95 1.1 s").click()

    dialog = page.get_by_role("dialog", name="Live updates of acme.myshopify.com")
    await expect(dialog.get_by_role("row")).to_have_count(101)
    assert await violations(page) == []
    await keep_picture(page, "webhooks-dialog", full=False)
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    assert looking.messages == []


async def test_empty_lists_say_what_will_be_there(looking: Looker, served: Served, seed: Seed) -> None:
    page = looking.page
    seed.execute(
        "DELETE FROM gateway.data_access; DELETE FROM records.access_log; DELETE FROM records.deliveries"
    )
    seed.execute("DELETE FROM records.compliance_receipts")

    for name, path in (
        ("privacy", "/../../privacy"),
        ("webhooks", f"/stores/{served.stores['us']}/deliveries"),
    ):
        await page.goto(f"{served.shopify}{path}")
        for width in (1280, 390):
            await page.set_viewport_size({"width": width, "height": 800})
            await keep_picture(page, f"{name}-empty-{width}-light")
            assert await violations(page) == []
            assert await over_the_edge(page) == []
