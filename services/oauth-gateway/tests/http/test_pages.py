"""The pages of a member: log in, look, connect, change, disconnect."""

import re
from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from oauth_gateway.domain.oauth import signature
from sync_common.runtime import ManualClock

from ..conftest import RecordedFetcher
from ..seed import Seed
from .client import SHOPIFY, log_in, post


def callback_url(consent: str, clock: ManualClock, **changed: str) -> str:
    """Return what Shopify would redirect to after consent."""
    asked = parse_qs(urlsplit(consent).query)
    shop = urlsplit(consent).path.split("/")[2]
    values = {
        "code": "c0de",
        "shop": shop,
        "state": asked["state"][0],
        "timestamp": str(int(clock.now().timestamp())),
        **changed,
    }
    values["hmac"] = signature(list(values.items()), "hush")
    return f"/auth/shopify/callback?{urlencode(values)}"


async def test_merchant_connects_a_store(
    browser: httpx.AsyncClient, acme: int, seed: Seed, clock: ManualClock, fetcher: RecordedFetcher
) -> None:
    logged_in = await log_in(browser)
    before = browser.cookies["session"]

    consent = await post(browser, f"{SHOPIFY}/connect", f"{SHOPIFY}/connect", shop="Acme-Eu")
    back = await browser.get(callback_url(consent.headers["location"], clock))
    store_id = seed.scalar("SELECT id FROM gateway.shopify_stores")
    page = await browser.get(back.headers["location"])

    assert logged_in.status_code == consent.status_code == back.status_code == 303
    assert consent.headers["location"].startswith(
        "http://127.0.0.1:8010/shops/acme-eu.myshopify.com/admin/oauth/authorize?client_id=app-1&"
    )
    assert back.headers["location"] == SHOPIFY
    assert browser.cookies["session"] != before
    assert "Shopify store connected! Initial sync in progress..." in page.text
    path, body = fetcher.calls[0]
    assert path == "/v1/connections"
    assert body == {
        "store_id": store_id,
        "advertiser_id": acme,
        "user_id": seed.scalar("SELECT id FROM gateway.users"),
        "shop_domain": "acme-eu.myshopify.com",
        "code": "c0de",
    }


async def test_state_works_once(browser: httpx.AsyncClient, acme: int, clock: ManualClock) -> None:
    await log_in(browser)
    consent = await post(browser, f"{SHOPIFY}/connect", f"{SHOPIFY}/connect", shop="acme-eu")
    url = callback_url(consent.headers["location"], clock)

    first = await browser.get(url)
    second = await browser.get(url)

    assert first.status_code == 303
    assert second.status_code == 400


async def test_state_expires_after_ten_minutes(
    browser: httpx.AsyncClient, acme: int, clock: ManualClock, fetcher: RecordedFetcher
) -> None:
    await log_in(browser)
    consent = await post(browser, f"{SHOPIFY}/connect", f"{SHOPIFY}/connect", shop="acme-eu")

    clock.advance(601)
    answer = await browser.get(callback_url(consent.headers["location"], clock))

    assert answer.status_code == 400
    assert fetcher.calls == []


async def test_state_belongs_to_the_session_that_began(
    browser: httpx.AsyncClient, acme: int, clock: ManualClock, fetcher: RecordedFetcher
) -> None:
    await log_in(browser)
    consent = await post(browser, f"{SHOPIFY}/connect", f"{SHOPIFY}/connect", shop="acme-eu")

    browser.cookies.clear()
    await log_in(browser)
    answer = await browser.get(callback_url(consent.headers["location"], clock))

    assert answer.status_code == 400
    assert fetcher.calls == []


async def test_state_belongs_to_the_shop_it_was_issued_for(
    browser: httpx.AsyncClient, acme: int, clock: ManualClock, fetcher: RecordedFetcher
) -> None:
    await log_in(browser)
    consent = await post(browser, f"{SHOPIFY}/connect", f"{SHOPIFY}/connect", shop="acme-eu")

    answer = await browser.get(callback_url(consent.headers["location"], clock, shop="other.myshopify.com"))

    assert answer.status_code == 400
    assert fetcher.calls == []


async def test_lost_membership_ends_the_flow(
    browser: httpx.AsyncClient, acme: int, seed: Seed, clock: ManualClock, fetcher: RecordedFetcher
) -> None:
    await log_in(browser)
    consent = await post(browser, f"{SHOPIFY}/connect", f"{SHOPIFY}/connect", shop="acme-eu")

    seed.execute("DELETE FROM gateway.memberships")
    answer = await browser.get(callback_url(consent.headers["location"], clock))

    assert answer.status_code == 403
    assert fetcher.calls == []


async def test_refusal_is_told(
    browser: httpx.AsyncClient, acme: int, clock: ManualClock, fetcher: RecordedFetcher
) -> None:
    fetcher.status = 422
    fetcher.body = {"code": "scopes_missing", "message": "", "missing": ["read_inventory", "read_orders"]}
    await log_in(browser)
    consent = await post(browser, f"{SHOPIFY}/connect", f"{SHOPIFY}/connect", shop="acme-eu")

    answer = await browser.get(callback_url(consent.headers["location"], clock))

    assert answer.status_code == 422
    assert "no permission to read orders and inventory." in answer.text


async def test_bad_domain_is_told_in_the_form(browser: httpx.AsyncClient, acme: int) -> None:
    await log_in(browser)

    answer = await post(browser, f"{SHOPIFY}/connect", f"{SHOPIFY}/connect", shop="shop.example.com")

    assert answer.status_code == 422
    assert "Enter your store" in answer.text
    assert 'value="shop.example.com"' in answer.text


async def test_page_shows_stores_jobs_and_totals(browser: httpx.AsyncClient, acme: int, seed: Seed) -> None:
    store_id = seed.store(acme, "acme.myshopify.com", name="Acme US")
    seed.job(
        store_id,
        parts={"customers": {"state": "done", "total": 1234, "created": 120, "updated": 1114}},
    )
    await log_in(browser)

    page = (await browser.get(SHOPIFY)).text

    assert "Acme US" in page
    assert "2 hours ago</time> (Success)" in page
    assert "<b>1,234</b> records synced in 3m 24s" in page
    assert "next in 24 min" in page
    assert len(page.encode()) < 50_000


async def test_first_sync_shows_progress(browser: httpx.AsyncClient, acme: int, seed: Seed) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    seed.first_sync_pending(store_id)
    job_id = seed.job(
        store_id,
        status="running",
        job_type="full_sync",
        triggered_by="system",
        started=timedelta(minutes=-2),
        parts={
            "customers": {"state": "done", "total": 800},
            "orders": {"state": "running", "total": 1000},
            "products": {"state": "waiting", "total": 200},
        },
    )
    seed.written(job_id, "customers", 800)
    seed.written(job_id, "orders", 250)
    await log_in(browser)

    page = (await browser.get(SHOPIFY)).text

    assert "Initial Sync In Progress" in page
    assert "<b>1,050</b> of 2,000 records" in page
    assert "About 2 min left" in page
    assert "250 of 1,000" in page
    assert "200 to sync" in page


async def test_sync_now_asks_for_changes_only(browser: httpx.AsyncClient, acme: int, seed: Seed) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    await log_in(browser)

    answer = await post(browser, SHOPIFY, f"{SHOPIFY}/stores/{store_id}/sync")

    assert answer.status_code == 303
    wish = seed.scalar("SELECT body::jsonb FROM gateway.outbox WHERE topic = 'sync.requested.v1'")
    assert wish["job_type"] == "incremental_sync"
    assert wish["store_id"] == store_id
    assert wish["triggered_by"] == "user"


async def test_first_sync_now_is_a_full_one(browser: httpx.AsyncClient, acme: int, seed: Seed) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    seed.first_sync_pending(store_id)
    await log_in(browser)

    await post(browser, SHOPIFY, f"{SHOPIFY}/stores/{store_id}/sync")

    assert seed.scalar("SELECT body::jsonb ->> 'job_type' FROM gateway.outbox") == "full_sync"


async def test_frequency_changes_with_undo(browser: httpx.AsyncClient, acme: int, seed: Seed) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    await log_in(browser)

    await post(browser, SHOPIFY, f"{SHOPIFY}/stores/{store_id}/frequency", sync_frequency="daily")
    page = (await browser.get(SHOPIFY)).text

    assert seed.scalar("SELECT sync_frequency FROM gateway.shopify_stores") == "daily"
    assert "Sync frequency changed to Daily." in page
    assert 'name="sync_frequency" value="hourly"><button type="submit">Undo' in page
    assert "changed to Daily" not in (await browser.get(SHOPIFY)).text


@pytest.mark.parametrize("job_type", ["full_sync", "customers_only", "orders_only", "products_only"])
async def test_settings_sync_what_they_name(
    browser: httpx.AsyncClient, acme: int, seed: Seed, job_type: str
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    settings = f"{SHOPIFY}/stores/{store_id}/settings"
    await log_in(browser)

    page = (await browser.get(settings)).text
    answer = await post(browser, settings, f"{SHOPIFY}/stores/{store_id}/sync", job_type=job_type)

    assert f'name="job_type" value="{job_type}"' in page
    assert answer.status_code == 303
    assert seed.scalar("SELECT body::jsonb ->> 'job_type' FROM gateway.outbox") == job_type


async def test_one_kind_of_record_is_not_synced_before_the_rest(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    seed.first_sync_pending(store_id)
    await log_in(browser)

    await post(browser, SHOPIFY, f"{SHOPIFY}/stores/{store_id}/sync", job_type="products_only")

    assert seed.scalar("SELECT body::jsonb ->> 'job_type' FROM gateway.outbox") == "full_sync"


@pytest.mark.parametrize("job_type", ["backfill", "incremental_sync", "everything"])
async def test_syncs_that_the_settings_do_not_name_are_refused(
    browser: httpx.AsyncClient, acme: int, seed: Seed, job_type: str
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    await log_in(browser)

    answer = await post(browser, SHOPIFY, f"{SHOPIFY}/stores/{store_id}/sync", job_type=job_type)

    assert answer.status_code == 422
    assert seed.scalar("SELECT count(*) FROM gateway.outbox") == 0


async def test_products_have_a_frequency_of_their_own_with_undo(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    sheet = f"{SHOPIFY}/stores/{store_id}/products"
    await log_in(browser)

    form = (await browser.get(sheet)).text
    await post(browser, sheet, sheet, products_frequency="daily")
    page = (await browser.get(SHOPIFY)).text
    own = seed.scalar("SELECT products_frequency FROM gateway.shopify_stores")
    settings = (await browser.get(f"{SHOPIFY}/stores/{store_id}/settings")).text
    undone = await post(browser, sheet, sheet, products_frequency="")

    assert 'value="" checked' in form
    assert form.count('type="radio"') == 7
    assert own == "daily"
    assert "Products frequency changed to Daily." in page
    assert 'name="products_frequency" value=""><button type="submit">Undo' in page
    assert "products daily" in page
    assert "<small>Daily</small>" in settings
    assert undone.status_code == 303
    assert seed.scalar("SELECT products_frequency FROM gateway.shopify_stores") is None


@pytest.mark.parametrize("fields", [{"products_frequency": "often"}, {}])
async def test_odd_products_frequency_is_refused(
    browser: httpx.AsyncClient, acme: int, seed: Seed, fields: dict[str, str]
) -> None:
    sheet = f"{SHOPIFY}/stores/{seed.store(acme, 'acme.myshopify.com')}/products"
    seed.execute("UPDATE gateway.shopify_stores SET products_frequency = 'daily'")
    await log_in(browser)

    answer = await post(browser, sheet, sheet, **fields)

    assert answer.status_code == 422
    assert seed.scalar("SELECT products_frequency FROM gateway.shopify_stores") == "daily"


async def test_dismissed_banner_returns_after_a_day(
    browser: httpx.AsyncClient, acme: int, seed: Seed, clock: ManualClock
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    seed.disconnect(store_id)
    await log_in(browser)
    warned = (await browser.get(SHOPIFY)).text

    await post(browser, SHOPIFY, f"{SHOPIFY}/stores/{store_id}/dismiss")
    quiet = (await browser.get(SHOPIFY)).text
    clock.advance(24 * 3600 + 1)
    again = (await browser.get(SHOPIFY)).text

    assert "Action Required" in warned
    assert "Action Required" not in quiet
    assert "Action Required" in again


async def test_disconnect_asks_first(
    browser: httpx.AsyncClient, acme: int, seed: Seed, fetcher: RecordedFetcher
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    await log_in(browser)

    question = (await browser.get(f"{SHOPIFY}/disconnect?store={store_id}")).text
    answer = await post(
        browser, f"{SHOPIFY}/disconnect?store={store_id}", f"{SHOPIFY}/disconnect", store=str(store_id)
    )

    assert "Disconnect acme.myshopify.com?" in question
    assert answer.status_code == 303
    assert fetcher.calls == [(f"/v1/connections/{store_id}/disconnect", {"advertiser_id": acme})]


async def test_details_list_failed_records(browser: httpx.AsyncClient, acme: int, seed: Seed) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    job_id = seed.job(store_id, seconds=72, parts={"customers": {"state": "done", "created": 2, "failed": 2}})
    seed.failure(job_id, "customers", "7031", "email", "not an address")
    seed.failure(job_id, "customers", "odd/../id", "id", "not a number")
    await log_in(browser)

    page = (await browser.get(f"{SHOPIFY}/syncs/{job_id}")).text

    assert "Completed with 2 errors" in page
    assert (
        '<a href="http://127.0.0.1:8010/shops/acme.myshopify.com/admin/customers/7031" target="_blank"'
        ' rel="noopener noreferrer">Customer 7031</a>'
    ) in page
    assert '<th scope="row">Customer odd/../id</th>' in page
    assert "email: not an address" in page
    assert "1 minute 12 seconds" in page


async def test_details_of_many_failures_list_the_first_hundred_and_count_all(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    job_id = seed.job(
        seed.store(acme, "acme.myshopify.com"), parts={"orders": {"state": "done", "failed": 250}}
    )
    for number in range(101):
        seed.failure(job_id, "orders", f"{7_000_000_000_000 + number}", "email", "not an address")
    await log_in(browser)

    page = await browser.get(f"{SHOPIFY}/syncs/{job_id}")

    assert page.text.count("not an address") == 100
    assert "The first 100 of 250 are listed." in page.text
    assert len(page.content) < 50_000


@pytest.mark.parametrize("status", ["completed", "running"])
async def test_details_tell_what_became_of_every_record(
    browser: httpx.AsyncClient, acme: int, seed: Seed, status: str
) -> None:
    counts = {"created": 1, "updated": 2, "unchanged": 3, "skipped": 4, "failed": 5}
    job_id = seed.job(
        seed.store(acme, "acme.myshopify.com"),
        status=status,
        parts={"orders": {"state": "done" if status == "completed" else "running", **counts}},
    )
    await log_in(browser)

    page = (await browser.get(f"{SHOPIFY}/syncs/{job_id}")).text

    row = page.split('<th scope="row">Orders</th><td data-label="Synced">15</td>')[1].split("</tr>")[0]
    assert re.findall(r'data-label="(\w+)">(\d+)<', row) == [
        ("New", "1"), ("Updated", "2"), ("Unchanged", "3"), ("Skipped", "4"), ("Failed", "5"),
    ]  # fmt: skip
    assert "Skipped records were deleted or erased" in page


async def test_rate_limit_is_a_state_and_counted_down(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    job_id = seed.job(
        store_id,
        status="running",
        started=timedelta(minutes=-2),
        parts={"orders": {"state": "running", "total": 1000}},
    )
    seed.written(job_id, "orders", 500)
    seed.execute("UPDATE sync.sync_jobs SET throttled_until = %(at)s", at=seed.now + timedelta(seconds=42))
    await log_in(browser)

    page = (await browser.get(SHOPIFY)).text
    details = (await browser.get(f"{SHOPIFY}/syncs/{job_id}")).text

    assert 'data-state="busy">Rate limited, resuming in 42 s' in page
    assert "Syncing (rate limited, slowing down)..." in page
    assert "About 3 min left" in page
    assert 'data-state="bad"' not in page
    assert 'data-state="busy">Rate limited, resuming in 42 s' in details


async def test_details_of_a_full_sync_close_its_books(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    counts = {"state": "done", "updated": 1234, "read_count": 1234, "object_count": 5678}
    job_id = seed.job(seed.store(acme, "acme.myshopify.com"), job_type="full_sync", parts={"orders": counts})
    await log_in(browser)

    details = (await browser.get(f"{SHOPIFY}/syncs/{job_id}")).text

    assert "Shopify exported 1,234 records (5,678 lines); all are accounted for." in details


async def test_card_tells_how_fresh_webhooks_keep_the_store(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    seed.store(acme, "acme-eu.myshopify.com")
    seed.deliveries(store_id, 90, took=0.2)
    seed.deliveries(store_id, 10, took=1.1)
    await log_in(browser)

    cards = (await browser.get(SHOPIFY)).text.split("Live updates")[1:]

    assert "p50 0.2 s, p95 1.1 s" in cards[0]
    assert ">2 minutes ago</time>" in cards[0]
    assert "None yet" in cards[1]


async def test_last_hundred_webhooks_of_a_store_are_listed(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    store_id, other = seed.store(acme, "acme.myshopify.com"), seed.store(acme, "acme-eu.myshopify.com")
    seed.deliveries(store_id, 120, topic="orders/updated", took=0.25)
    seed.deliveries(other, 1, topic="products/update", took=75, outcome="unchanged")
    await log_in(browser)

    page = await browser.get(f"{SHOPIFY}/stores/{store_id}/deliveries")
    short = (await browser.get(f"{SHOPIFY}/stores/{other}/deliveries")).text

    assert "Of the last 100 webhooks, half were here within 0.2 s" in page.text
    assert page.text.count("<td>orders/updated</td><td>0.2 s</td>") == 100
    assert "products/update" not in page.text
    assert len(page.content) < 50_000
    assert "One webhook so far" in short
    assert "<td>products/update</td><td>1 min</td>" in short
    assert 'data-state="idle">Unchanged' in short


async def test_store_without_webhooks_says_what_will_be_listed(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    await log_in(browser)

    assert "No webhooks yet." in (await browser.get(f"{SHOPIFY}/stores/{store_id}/deliveries")).text


async def test_sync_that_waits_for_its_retry_says_so(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    """The orchestrator's retry is a new pending job without a message; it was shown as `Syncing`."""
    store_id = seed.store(acme, "acme.myshopify.com")
    failed = seed.job(store_id, status="failed", attempt=2, error="API rate limit exceeded.")
    seed.job(store_id, status="pending", attempt=3, due=timedelta(minutes=15))
    seed.execute("UPDATE sync.store_state SET last_sync_error = 'API rate limit exceeded.'")
    await log_in(browser)

    page = (await browser.get(SHOPIFY)).text
    details = (await browser.get(f"{SHOPIFY}/syncs/{failed}")).text

    assert "Syncing" not in page
    assert "Starting soon" not in page
    assert 'data-state="bad">Error' in page
    assert "<p>API rate limit exceeded.</p>" in page
    for text in (page, details):
        assert "We'll automatically retry this sync in 15 minutes." in text
        assert "Retry Now" in text
    assert "<dd>API rate limit exceeded after 2 retries</dd>" in details


async def test_first_sync_that_waits_for_its_retry_says_so(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    seed.first_sync_pending(store_id)
    seed.job(store_id, status="pending", job_type="full_sync", attempt=1, due=timedelta(minutes=15))
    seed.execute("UPDATE sync.store_state SET last_sync_error = 'API rate limit exceeded.'")
    await log_in(browser)

    page = (await browser.get(SHOPIFY)).text

    assert "<p>API rate limit exceeded. We'll automatically retry this sync in 15 minutes.</p>" in page
    assert "Starting soon" not in page
    assert "Retry Now" in page


async def test_cancelled_sync_names_no_error(browser: httpx.AsyncClient, acme: int, seed: Seed) -> None:
    job_id = seed.job(
        seed.store(acme, "acme.myshopify.com"), status="cancelled", error="Cancelled by a person."
    )
    await log_in(browser)

    details = (await browser.get(f"{SHOPIFY}/syncs/{job_id}")).text

    assert "<dt>Reason</dt><dd>Cancelled by a person.</dd>" in details
    assert "Error" not in details
    assert "Retry Now" not in details


@pytest.mark.parametrize(
    ("cookie", "store_zone", "shown"),
    [
        ("America%2FNew_York", "Europe/Zurich", "9:00 AM"),
        ("Mars%2FOlympus", "Europe/Zurich", "3:00 PM"),
        ("", None, "2:00 PM"),
    ],
)
async def test_times_are_in_the_viewers_zone_else_the_stores(
    browser: httpx.AsyncClient, acme: int, seed: Seed, cookie: str, store_zone: str | None, shown: str
) -> None:
    """The browser writes the zone percent-encoded; nobody decoded it."""
    seed.job(seed.store(acme, "acme.myshopify.com"))
    seed.execute("UPDATE fetcher.installations SET timezone = %(zone)s", zone=store_zone)
    await log_in(browser)
    browser.cookies.set("tz", cookie)

    assert f"Today, {shown}" in (await browser.get(SHOPIFY)).text


async def test_every_page_of_the_advertiser_warns(browser: httpx.AsyncClient, acme: int, seed: Seed) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    job_id = seed.job(store_id)
    seed.disconnect(seed.store(acme, "acme-eu.myshopify.com"))
    await log_in(browser)

    for path in (
        "",
        "/shopify",
        "/shopify/connect",
        f"/shopify/disconnect?store={store_id}",
        f"/shopify/stores/{store_id}/name",
        f"/shopify/syncs/{job_id}",
    ):
        page = (await browser.get(f"/advertisers/acme/integrations{path}")).text
        assert "(acme-eu.myshopify.com) is disconnected." in page, path
        assert "Needs attention" in page, path


async def test_name_that_is_too_long_is_told_in_the_form(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    page = f"{SHOPIFY}/stores/{seed.store(acme, 'acme.myshopify.com')}/name"
    await log_in(browser)
    form = (await browser.get(page)).text

    answer = await post(browser, page, page, name="x" * 101)

    assert 'maxlength="100"' in form
    assert answer.status_code == 422
    assert "Use at most 100 characters" in answer.text
    assert "x" * 101 in answer.text


@pytest.mark.parametrize(
    ("shop", "heading"),
    [
        ("acme.myshopify.com", "Reconnect acme.myshopify.com"),
        ("other.myshopify.com", "Connect your Shopify store"),
        ("Call 555-0100 now", "Connect your Shopify store"),
    ],
)
async def test_only_a_known_store_is_reconnected(
    browser: httpx.AsyncClient, acme: int, seed: Seed, shop: str, heading: str
) -> None:
    seed.disconnect(seed.store(acme, "acme.myshopify.com"))
    await log_in(browser)

    page = (await browser.get(f"{SHOPIFY}/connect", params={"shop": shop})).text

    assert f"<h1>{heading}</h1>" in page


async def test_admin_is_where_the_shops_are(browser: httpx.AsyncClient, acme: int, seed: Seed) -> None:
    seed.store(acme, "acme.myshopify.com")
    await log_in(browser)

    page = (await browser.get(SHOPIFY)).text

    assert 'href="http://127.0.0.1:8010/shops/acme.myshopify.com/admin"' in page


async def test_page_of_many_stores_is_light(browser: httpx.AsyncClient, acme: int, seed: Seed) -> None:
    """Twelve stores came to 88 KB, most of it settings menus that nobody had opened."""
    for number in range(12):
        store_id = seed.store(acme, f"acme-{number}.myshopify.com", name=f"Acme {number}")
        for hours in range(24):
            seed.job(store_id, started=timedelta(hours=-hours), seconds=10 + hours)
        seed.deliveries(store_id, 2)
        for resource in ("customers", "orders", "products"):
            seed.proof(store_id, resource, 123_456)
    await log_in(browser)

    page = await browser.get(SHOPIFY)

    assert page.text.count("Sync Now") == 12
    assert len(page.content) < 50_000


async def test_settings_are_a_menu_for_scripts_and_a_page_for_others(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    path = f"{SHOPIFY}/stores/{seed.store(acme, 'acme.myshopify.com')}/settings"
    await log_in(browser)

    page = (await browser.get(path)).text
    menu = (await browser.get(path, headers={"hx-request": "true"})).text

    assert "<h1>Settings for acme.myshopify.com</h1>" in page
    assert menu.lstrip().startswith("<form")
    for text in (page, menu):
        assert 'value="hourly" checked' in text
        assert "Rename store" in text
        assert "View sync history" in text
        assert "Disconnect store" in text


async def test_store_just_asked_to_sync_shows_as_running(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    await log_in(browser)

    await post(browser, SHOPIFY, f"{SHOPIFY}/stores/{store_id}/sync")
    first = (await browser.get(SHOPIFY)).text
    second = (await browser.get(SHOPIFY)).text

    assert 'data-state="busy">Running' in first
    assert 'aria-disabled="true">Syncing' in first
    assert "Sync Now" in second
