"""What a merchant does, with scripts and without."""

import pytest
from playwright.async_api import Browser, Route, expect

from ..conftest import RecordedFetcher
from ..seed import Seed
from .conftest import Looker, Served, fill_first, looker

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
    await fill_first(page.get_by_label("Shop domain"), "acme-ca")
    looking.messages.clear()  # browsers report the status 422
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
    await expect(card.get_by_role("button", name="Syncing")).to_be_disabled()
    await card.get_by_role("link", name="Settings").click()
    await page.get_by_label("Daily").check()
    await page.get_by_role("button", name="Save frequency").click()
    await expect(page.get_by_text("Sync frequency changed to Daily.")).to_be_visible()
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_text("Sync frequency changed to Hourly.")).to_be_visible()
    await card.get_by_role("link", name="Settings").click()
    await page.get_by_role("link", name="Rename store").click()
    await fill_first(page.get_by_label("Store name"), "Acme America")
    await page.get_by_role("button", name="Save").click()
    await expect(card.get_by_text("Acme America")).to_be_visible()
    await page.get_by_role("button", name="Dismiss for 24h").click()
    await expect(page.get_by_text("Action Required")).to_have_count(0)
    await card.get_by_role("link", name="Settings").click()
    await page.get_by_role("link", name="Disconnect store").click()
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


async def test_progress_moves_while_a_menu_stays_open(looking: Looker, served: Served, seed: Seed) -> None:
    page = looking.page
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
    await expect(page.get_by_text("Change sync frequency")).to_be_visible()
    assert looking.messages == []


async def test_first_sync_becomes_a_card_when_it_ends(looking: Looker, served: Served, seed: Seed) -> None:
    page = looking.page
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


async def test_actions_change_the_page_in_place(
    looking: Looker, seed: Seed, fetcher: RecordedFetcher
) -> None:
    page = looking.page
    await page.evaluate("window.sameDocument = true")
    card = page.get_by_role("article", name="acme.myshopify.com")

    await card.get_by_role("button", name="Settings").click()
    await page.get_by_label("Daily").check()
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


async def test_dialog_asks_and_gives_focus_to_cancel(
    looking: Looker, served: Served, fetcher: RecordedFetcher
) -> None:
    page = looking.page
    card = page.get_by_role("article", name="acme.myshopify.com")

    await card.get_by_role("button", name="Settings").click()
    await page.get_by_role("link", name="Disconnect store").click()
    dialog = page.get_by_role("dialog", name="Disconnect acme.myshopify.com?")
    await expect(dialog.get_by_role("link", name="Cancel")).to_be_focused()
    await dialog.get_by_role("link", name="Cancel").click()
    await expect(dialog).to_have_count(0)

    assert page.url == served.shopify
    assert fetcher.calls == []
    assert looking.messages == []


async def test_live_turns_to_reconnecting_and_back(looking: Looker, served: Served) -> None:
    page = looking.page
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()

    served.hub.closing.set()
    served.hub.wake()
    await expect(page.get_by_text("Reconnecting")).to_be_visible(timeout=15_000)
    served.hub.closing.clear()

    await expect(page.get_by_text("Live", exact=True)).to_be_visible(timeout=15_000)


async def test_live_does_not_claim_what_never_began(chromium: Browser, served: Served) -> None:
    """The word was green before the stream was open, and stayed so when it could not be opened."""
    context = await chromium.new_context(reduced_motion="reduce")
    looking = await looker(context)
    page = looking.page
    await looking.log_in(served)
    served.hub.closing.set()  # streams are refused
    await page.goto(served.shopify)

    await expect(page.get_by_text("Live", exact=True)).to_be_hidden()
    await expect(page.get_by_text("Reconnecting")).to_be_visible(timeout=15_000)
    served.hub.closing.clear()

    await expect(page.get_by_text("Live", exact=True)).to_be_visible(timeout=20_000)
    await context.close()


async def test_stream_begins_though_scripts_come_late(looking: Looker) -> None:
    """On a slow line htmx had read the page before its extension came: "Reconnecting" stayed for ever."""
    page = looking.page
    asked: list[str] = []

    async def late(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) > 1:
            await page.wait_for_function("document.querySelector('[data-htmx-powered]')")
        await route.continue_()

    await page.route("**/static/*.js", late)
    await page.reload()

    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    assert asked


@pytest.mark.parametrize("failure", ["unreachable", "bad gateway"])
async def test_request_that_fails_says_so(looking: Looker, failure: str) -> None:
    page = looking.page
    card = page.get_by_role("article", name="acme.myshopify.com")

    async def fail(route: Route) -> None:
        if failure == "unreachable":
            await route.abort()
        else:
            await route.fulfill(status=502, body="<h1>Bad gateway</h1>", content_type="text/html")

    await page.route("**/sync", fail)
    await card.get_by_role("button", name="Sync Now").click()

    await expect(page.get_by_text("We could not reach Shopsync.")).to_be_visible()
    await expect(page.get_by_text("Bad gateway")).to_have_count(0)


async def test_undone_frequency_is_the_chosen_one_again(looking: Looker) -> None:
    """A morph moved the attribute `checked`, and the radio stayed where the person had put it."""
    page = looking.page
    settings = page.get_by_role("article", name="acme.myshopify.com").get_by_role("button", name="Settings")

    await settings.click()
    await page.get_by_label("Daily").check()
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_text("Sync frequency changed to Hourly.")).to_be_visible()

    await expect(page.get_by_text("Sync frequency changed to Daily.")).to_have_count(0)
    await settings.click()
    await expect(page.get_by_label("Hourly")).to_be_checked()
    assert looking.messages == []


async def test_arrow_keys_choose_before_anything_is_sent(looking: Looker) -> None:
    page = looking.page
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method) if request.method == "POST" else None)

    await (
        page.get_by_role("article", name="acme.myshopify.com").get_by_role("button", name="Settings").click()
    )
    await page.get_by_label("Hourly").focus()
    for _ in range(3):
        await page.keyboard.press("ArrowDown")

    await expect(page.get_by_text("Sync frequency changed to Manual only.")).to_be_visible()
    assert sent == ["POST"]


async def test_history_link_closes_the_menu(looking: Looker) -> None:
    page = looking.page

    await (
        page.get_by_role("article", name="acme.myshopify.com").get_by_role("button", name="Settings").click()
    )
    await page.get_by_role("link", name="View sync history").click()

    await expect(page.get_by_text("Change sync frequency")).to_be_hidden()
    await expect(page.get_by_role("heading", name="Recent Syncs")).to_be_in_viewport()


async def test_settings_menu_stays_inside_a_low_window(looking: Looker) -> None:
    """It used to end below the window: the page had to be scrolled, and the menu moved away from under the pointer."""
    page = looking.page
    await page.set_viewport_size({"width": 1280, "height": 600})
    await (
        page.get_by_role("article", name="acme.myshopify.com").get_by_role("button", name="Settings").click()
    )
    last = page.get_by_role("link", name="Disconnect store")
    await expect(last).to_be_visible()

    box = await page.locator("#menu").bounding_box()
    scrolled = await page.evaluate("scrollY")
    await last.hover()

    assert box is not None
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= 600
    assert await page.evaluate("scrollY") == scrolled


async def test_dialogs_change_the_page_in_place(looking: Looker, fetcher: RecordedFetcher) -> None:
    page = looking.page
    await page.evaluate("window.sameDocument = true")
    card = page.get_by_role("article", name="acme.myshopify.com")
    settings = card.get_by_role("button", name="Settings")

    await settings.click()
    await page.get_by_role("link", name="Rename store").click()
    name = page.get_by_label("Store name")
    await name.evaluate("field => field.removeAttribute('maxlength')")
    await fill_first(name, "x" * 101)
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Use at most 100 characters")).to_be_visible()
    looking.messages.clear()  # browsers report the status 422
    await name.fill("Acme America")
    await page.get_by_role("button", name="Save").click()
    await expect(card.get_by_text("Acme America")).to_be_visible()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(settings).to_be_focused()
    await settings.click()
    await page.get_by_role("link", name="Disconnect store").click()
    await page.get_by_role("button", name="Disconnect Store").click()
    await expect(page.get_by_text("acme.myshopify.com disconnected.")).to_be_visible()
    await expect(page.get_by_role("dialog")).to_have_count(0)

    assert len(fetcher.calls) == 1
    assert await page.evaluate("window.sameDocument")
    assert looking.messages == []


async def test_sync_now_keeps_focus_and_its_end_is_told(looking: Looker, served: Served, seed: Seed) -> None:
    page = looking.page
    card = page.get_by_role("article", name="acme.myshopify.com")
    status = page.get_by_role("status")

    await card.get_by_role("button", name="Sync Now").focus()
    await page.keyboard.press("Enter")
    await expect(card.get_by_text("Running", exact=True)).to_be_visible()
    await expect(card.get_by_role("button", name="Syncing")).to_be_focused()
    await expect(status.get_by_text("Sync of acme.myshopify.com started.")).to_be_visible()
    seed.execute(
        "UPDATE gateway.shopify_stores SET name = 'Acme USA' WHERE id = %(store)s", store=served.stores["us"]
    )
    await expect(card.get_by_text("Acme USA", exact=True)).to_be_visible()  # sent before the job is there
    await expect(card.get_by_role("button", name="Syncing")).to_be_focused()
    job_id = seed.job(served.stores["us"], status="running", triggered_by="user")
    await expect(card.get_by_role("button", name="Cancel")).to_be_visible()
    await expect(card.get_by_role("button", name="Syncing")).to_be_focused()
    seed.execute(
        """UPDATE sync.sync_jobs SET status = 'completed', completed_at = now(), actual_duration = 72
           WHERE job_id = %(job)s""",
        job=job_id,
    )

    await expect(status.get_by_text("Sync of acme.myshopify.com done:")).to_be_visible()
    await expect(card.get_by_role("button", name="Sync Now")).to_be_focused()
    assert looking.messages == []


async def test_times_follow_the_browsers_zone(chromium: Browser, served: Served) -> None:
    """The script writes the zone percent-encoded; nobody decoded it."""
    context = await chromium.new_context(timezone_id="America/New_York")
    looking = await looker(context)
    page = looking.page
    await looking.log_in(served)
    await page.goto(served.shopify)

    await expect(page.get_by_role("link", name="Today, 10:54 AM")).to_be_visible()
    await context.close()
