"""What a merchant does, with scripts and without."""

import pytest
from playwright.async_api import Browser, expect

from ..conftest import RecordedFetcher
from ..seed import Seed
from .conftest import Served, looker

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
async def test_merchant_connects_a_store(
    chromium: Browser, served: Served, seed: Seed, fetcher: RecordedFetcher, scripts: bool
) -> None:
    context = await chromium.new_context(java_script_enabled=scripts)
    looking = await looker(context)
    page = looking.page
    await looking.log_in(served)

    await page.get_by_role("link", name="Manage").click()
    await page.get_by_role("link", name="Connect Another Store").click()
    await page.get_by_label("Shop domain").fill("shop.example.com")
    await page.get_by_role("button", name="Connect Shopify Store").click()
    await expect(page.get_by_text("Enter your store's address")).to_be_visible()
    looking.messages.clear()  # browsers report the status 422
    await page.get_by_label("Shop domain").fill("acme-ca")
    await page.get_by_role("button", name="Connect Shopify Store").click()
    await page.get_by_role("button", name="Install").click()

    await expect(page.get_by_text("Shopify store connected! Initial sync in progress...")).to_be_visible()
    assert page.url == served.shopify
    assert fetcher.calls[0][1]["shop_domain"] == "acme-ca.myshopify.com"
    assert looking.messages == []
    await context.close()


async def test_everything_works_without_scripts(
    chromium: Browser, served: Served, seed: Seed, fetcher: RecordedFetcher
) -> None:
    context = await chromium.new_context(java_script_enabled=False, reduced_motion="reduce")
    looking = await looker(context)
    page = looking.page
    await looking.log_in(served)
    await page.goto(served.shopify)
    card = page.get_by_role("article", name="acme.myshopify.com")

    await card.get_by_role("button", name="Sync Now").click()
    await expect(page.get_by_text("Sync of acme.myshopify.com started.")).to_be_visible()
    await card.get_by_role("button", name="Settings").click()
    await card.get_by_label("Daily").check()
    await card.get_by_role("button", name="Save frequency").click()
    await expect(page.get_by_text("Sync frequency changed to Daily.")).to_be_visible()
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_text("Sync frequency changed to Hourly.")).to_be_visible()
    await card.get_by_role("button", name="Settings").click()
    await card.get_by_role("link", name="Rename store").click()
    await page.get_by_label("Store name").fill("Acme America")
    await page.get_by_role("button", name="Save").click()
    await expect(card.get_by_text("Acme America")).to_be_visible()
    await page.get_by_role("button", name="Dismiss for 24h").click()
    await expect(page.get_by_text("Action Required")).to_have_count(0)
    await card.get_by_role("button", name="Settings").click()
    await card.get_by_role("link", name="Disconnect store").click()
    await page.get_by_role("button", name="Disconnect Store").click()
    await expect(page.get_by_text("acme.myshopify.com disconnected.")).to_be_visible()

    wishes = seed.scalar("SELECT count(*) FROM gateway.outbox WHERE topic = 'sync.requested.v1'")
    assert wishes == 1
    assert fetcher.calls == [
        (
            f"/v1/connections/{served.stores['us']}/disconnect",
            {"advertiser_id": fetcher.calls[0][1]["advertiser_id"]},
        )
    ]
    await context.close()


async def test_progress_moves_while_a_menu_stays_open(chromium: Browser, served: Served, seed: Seed) -> None:
    context = await chromium.new_context(reduced_motion="reduce")
    looking = await looker(context)
    page = looking.page
    await looking.log_in(served)
    await page.goto(served.shopify)
    panel = page.get_by_role("article", name="Initial Sync In Progress")
    await expect(panel.get_by_text("3,190 of 12,300")).to_be_visible()
    card = page.get_by_role("article", name="acme.myshopify.com")
    await card.get_by_role("button", name="Settings").click()

    seed.written(served.stores["running"], "orders", 1000)
    seed.execute(
        "UPDATE sync.store_state SET last_sync_status = 'failed' WHERE store_id = %(store)s",
        store=served.stores["us"],
    )

    await expect(panel.get_by_text("4,190 of 12,300")).to_be_visible()
    await expect(card.get_by_text("(Failed)")).to_be_visible()
    await expect(card.get_by_text("Change sync frequency")).to_be_visible()
    assert looking.messages == []
    await context.close()


async def test_first_sync_becomes_a_card_when_it_ends(chromium: Browser, served: Served, seed: Seed) -> None:
    context = await chromium.new_context(reduced_motion="reduce")
    looking = await looker(context)
    page = looking.page
    await looking.log_in(served)
    await page.goto(served.shopify)
    await expect(page.get_by_role("article", name="Initial Sync In Progress")).to_be_visible()

    seed.execute(
        """UPDATE sync.sync_jobs SET status = 'completed', completed_at = clock_timestamp(), actual_duration = 360
           WHERE job_id = %(job)s""",
        job=served.stores["running"],
    )
    seed.execute(
        """UPDATE sync.store_state SET initial_sync_completed = true, last_sync_at = %(now)s, status = 'connected',
               last_sync_status = 'success' WHERE store_id = %(store)s""",
        now=seed.now,
        store=served.stores["wholesale"],
    )

    card = page.get_by_role("article", name="acme-wholesale.myshopify.com")
    await expect(card.get_by_text("Connected")).to_be_visible()
    await expect(page.get_by_text("Initial Sync In Progress")).to_have_count(0)
    assert looking.messages == []
    await context.close()


async def test_actions_change_the_page_in_place(
    chromium: Browser, served: Served, seed: Seed, fetcher: RecordedFetcher
) -> None:
    context = await chromium.new_context(reduced_motion="reduce")
    looking = await looker(context)
    page = looking.page
    await looking.log_in(served)
    await page.goto(served.shopify)
    await page.evaluate("window.sameDocument = true")
    card = page.get_by_role("article", name="acme.myshopify.com")

    await card.get_by_role("button", name="Settings").click()
    await card.get_by_label("Daily").check()
    await expect(page.get_by_text("Sync frequency changed to Daily.")).to_be_visible()
    await expect(card.locator("dd", has_text="Daily")).to_be_visible()
    await page.get_by_role("button", name="Undo").click()
    await expect(card.locator("dd", has_text="Hourly")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.get_by_role("link", name="3 errors").click()
    details = page.get_by_role("dialog", name="Sync Details")
    await expect(details.get_by_text("Customer 7031")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(details).to_have_count(0)
    await card.get_by_role("button", name="Sync Now").click()
    await expect(page.get_by_text("Sync of acme.myshopify.com started.")).to_be_visible()

    assert await page.evaluate("window.sameDocument")
    assert looking.messages == []
    await context.close()


async def test_dialog_asks_and_gives_focus_to_cancel(
    chromium: Browser, served: Served, fetcher: RecordedFetcher
) -> None:
    context = await chromium.new_context(reduced_motion="reduce")
    looking = await looker(context)
    page = looking.page
    await looking.log_in(served)
    await page.goto(served.shopify)
    card = page.get_by_role("article", name="acme.myshopify.com")

    await card.get_by_role("button", name="Settings").click()
    await card.get_by_role("link", name="Disconnect store").click()
    dialog = page.get_by_role("dialog", name="Disconnect acme.myshopify.com?")
    await expect(dialog.get_by_role("link", name="Cancel")).to_be_focused()
    await dialog.get_by_role("link", name="Cancel").click()
    await expect(dialog).to_have_count(0)

    assert page.url == served.shopify
    assert fetcher.calls == []
    assert looking.messages == []
    await context.close()


async def test_live_turns_to_reconnecting_and_back(chromium: Browser, served: Served) -> None:
    context = await chromium.new_context(reduced_motion="reduce")
    looking = await looker(context)
    page = looking.page
    await looking.log_in(served)
    await page.goto(served.shopify)
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()

    served.hub.closing.set()
    served.hub.wake()
    await expect(page.get_by_text("Reconnecting")).to_be_visible(timeout=15_000)
    served.hub.closing.clear()

    await expect(page.get_by_text("Live", exact=True)).to_be_visible(timeout=15_000)
    await context.close()
