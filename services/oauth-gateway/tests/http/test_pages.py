"""The Shopify page shows every state of the stores."""

from datetime import timedelta

import httpx
import pytest

from ..seed import Seed
from .client import SHOPIFY, log_in


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
