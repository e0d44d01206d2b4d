"""From 60 days of orders to all of them: the wish, Shopify's consent, and the reading beside ordinary syncs."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from oauth_gateway.handlers.context import Gateway
from oauth_gateway.handlers.live import Hub
from oauth_gateway.http.app import create_app
from oauth_gateway.http.site import Site
from sync_common.runtime import ManualClock

from ..conftest import PUBLIC_URL, RecordedFetcher
from ..seed import Seed
from .client import SHOPIFY, callback_url, log_in, post, token_of

ALL = ("read_all_orders", "read_customers", "read_orders", "read_products")
BACKFILLS = "SELECT count(*) FROM gateway.outbox WHERE headers::text ~ 'sync.backfill_requested'"


@pytest.fixture
async def approved(gateway: Gateway, site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of an app that Shopify lets ask for older orders."""
    allowed = replace(gateway, shopify=replace(gateway.shopify, historical_orders=True))
    transport = httpx.ASGITransport(create_app(allowed, site, Hub(allowed)), raise_app_exceptions=False)
    headers = {"origin": PUBLIC_URL}
    async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL, headers=headers) as client:
        yield client


def scopes_of(answer: httpx.Response) -> str:
    return parse_qs(urlsplit(answer.headers["location"]).query)["scope"][0]


def callout(page: str) -> str:
    return page.split('<div id="history">')[1].split("</ul>")[0]


async def test_granted_history_is_read_at_once(browser: httpx.AsyncClient, acme: int, seed: Seed) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    seed.grant(store_id, *ALL)
    await log_in(browser)
    before = callout((await browser.get(SHOPIFY)).text)

    answer = await post(browser, SHOPIFY, f"{SHOPIFY}/stores/{store_id}/history")
    page = (await browser.get(SHOPIFY)).text

    assert "Read Full Order History" in before
    assert answer.headers["location"] == SHOPIFY
    assert "Reading your full order history, newest first." in page
    assert seed.scalar(BACKFILLS) == 1
    wish = seed.scalar("SELECT body::jsonb FROM gateway.outbox")
    assert (wish["store_id"], wish["advertiser_id"]) == (store_id, acme)
    assert seed.scalar("SELECT history_requested_at FROM gateway.shopify_stores") == seed.now


async def test_wish_is_noted_until_shopify_approves_the_app(
    browser: httpx.AsyncClient, acme: int, seed: Seed, clock: ManualClock
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    await log_in(browser)
    before = callout((await browser.get(SHOPIFY)).text)

    answer = await post(browser, SHOPIFY, f"{SHOPIFY}/stores/{store_id}/history")
    clock.advance(60)
    await post(browser, SHOPIFY, f"{SHOPIFY}/stores/{store_id}/history")
    page = (await browser.get(SHOPIFY)).text

    assert "We've synced the last 60 days of orders." in before
    assert "Request Historical Access" in before
    assert answer.headers["location"] == SHOPIFY
    assert "Your request is noted. Shopify must approve the app first." in page
    assert "Requested on Nov 22, waiting for Shopify's approval of the app." in callout(page)
    assert '<a class="link link-accent" href="https://help.example.com">Contact Support</a>' in callout(page)
    assert "<button" not in callout(page)
    assert seed.scalar("SELECT count(*) FROM gateway.outbox") == 0
    assert seed.scalar("SELECT history_requested_at FROM gateway.shopify_stores") == seed.now
    assert seed.scalar("SELECT history_requested_by FROM gateway.shopify_stores") == seed.scalar(
        "SELECT id FROM gateway.users"
    )


async def test_approved_app_asks_for_older_orders(
    approved: httpx.AsyncClient, acme: int, seed: Seed, clock: ManualClock, fetcher: RecordedFetcher
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    await log_in(approved)

    consent = await post(approved, SHOPIFY, f"{SHOPIFY}/stores/{store_id}/history")
    wished = seed.scalar("SELECT history_requested_at FROM gateway.shopify_stores")
    page = await approved.get(SHOPIFY)
    back = await approved.get(callback_url(consent.headers["location"], clock))

    assert wished == seed.now
    assert scopes_of(consent) == "read_customers,read_orders,read_all_orders"
    assert "Requested Nov 22, to be approved in Shopify." in callout(page.text)
    assert "Approve in Shopify" in callout(page.text)
    assert "form-action 'self' http://127.0.0.1:8010" in page.headers["content-security-policy"]
    assert back.headers["location"] == SHOPIFY
    assert fetcher.calls[0][1]["store_id"] == store_id


async def test_wish_is_recorded_even_if_the_merchant_never_comes_back(
    approved: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    seed.execute("REVOKE INSERT ON gateway.oauth_states FROM svc_oauth_gateway")
    await log_in(approved)

    answer = await post(approved, SHOPIFY, f"{SHOPIFY}/stores/{store_id}/history")

    assert answer.status_code == 500
    assert seed.scalar("SELECT history_requested_at FROM gateway.shopify_stores") == seed.now


async def test_scripts_are_led_to_shopify_too(approved: httpx.AsyncClient, acme: int, seed: Seed) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    await log_in(approved)

    answer = await approved.post(
        f"{SHOPIFY}/stores/{store_id}/history",
        data={"csrf": await token_of(approved, SHOPIFY)},
        headers={"hx-request": "true"},
    )

    assert answer.status_code == 200
    assert "read_all_orders" in answer.headers["hx-redirect"]


@pytest.mark.parametrize(("wished", "is_approved"), [(False, True), (True, False), (False, False)])
async def test_only_who_wished_is_asked_for_more(
    browser: httpx.AsyncClient,
    approved: httpx.AsyncClient,
    acme: int,
    seed: Seed,
    clock: ManualClock,
    wished: bool,
    is_approved: bool,
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    wisher = seed.store(acme, "acme-eu.myshopify.com")
    seed.wish_history(store_id if wished else wisher)
    client = approved if is_approved else browser
    await log_in(client)

    consent = await post(client, f"{SHOPIFY}/connect", f"{SHOPIFY}/connect", shop="acme.myshopify.com")
    back = await client.get(callback_url(consent.headers["location"], clock))

    assert scopes_of(consent) == "read_customers,read_orders"
    assert back.status_code == 303


async def test_reconnecting_keeps_what_was_wished(approved: httpx.AsyncClient, acme: int, seed: Seed) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    seed.wish_history(store_id)
    seed.disconnect(store_id)
    await log_in(approved)

    consent = await post(approved, f"{SHOPIFY}/connect", f"{SHOPIFY}/connect", shop="acme")

    assert scopes_of(consent).endswith(",read_all_orders")


async def test_wish_of_another_advertiser_asks_for_nothing_here(
    approved: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    seed.store(acme, "acme.myshopify.com")
    other = seed.scalar("INSERT INTO gateway.advertisers (slug, name) VALUES ('umbrella', 'U') RETURNING id")
    seed.wish_history(seed.store(other, "acme.myshopify.com"))
    await log_in(approved)

    consent = await post(approved, f"{SHOPIFY}/connect", f"{SHOPIFY}/connect", shop="acme")

    assert scopes_of(consent) == "read_customers,read_orders"


PARTS: dict[str, dict[str, Any]] = {"orders": {"state": "running", "total": 12_000}}


async def test_history_is_read_beside_the_syncs(browser: httpx.AsyncClient, acme: int, seed: Seed) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    seed.grant(store_id, *ALL)
    seed.job(store_id)
    job_id = seed.job(
        store_id, status="running", job_type="backfill", started=timedelta(minutes=-5), parts=PARTS
    )
    seed.written(job_id, "orders", 3000)
    await log_in(browser)

    page = (await browser.get(SHOPIFY)).text

    card = page.split("<article")[1].split("</article>")[0]
    assert "Connected" in card
    assert "Last synced" in card
    assert "Sync Now" in card
    assert "<progress" not in card
    assert "Reading history, newest first: 3,000 of 12,000 orders" in callout(page)
    assert '<progress class="thin" max="12000" value="3000"' in callout(page)
    assert "About 15 min left" in callout(page)
    assert "acme · Order history · schedule" in page


async def test_history_and_sync_are_cancelled_apart(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    seed.wish_history(store_id)
    sync = seed.job(store_id, status="running", parts={"orders": {"state": "running"}})
    history = seed.job(store_id, status="running", job_type="backfill", parts=PARTS)
    await log_in(browser)
    cancelled = "SELECT jsonb_agg(body::jsonb -> 'job_id' ORDER BY id) FROM gateway.outbox"

    await post(browser, SHOPIFY, f"{SHOPIFY}/stores/{store_id}/cancel")
    first = seed.scalar(cancelled)
    await post(browser, SHOPIFY, f"{SHOPIFY}/stores/{store_id}/history/cancel")

    assert first == [sync]
    assert seed.scalar(cancelled) == [sync, history]
    assert seed.scalar("SELECT history_requested_at FROM gateway.shopify_stores") is None


async def test_failed_reading_is_no_failed_sync(browser: httpx.AsyncClient, acme: int, seed: Seed) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    seed.grant(store_id, *ALL)
    failed = seed.job(store_id, status="failed", job_type="backfill", error="Shopify did not answer.")
    seed.job(store_id, status="pending", job_type="backfill", attempt=1, due=timedelta(minutes=15))
    await log_in(browser)

    page = (await browser.get(SHOPIFY)).text
    details = (await browser.get(f"{SHOPIFY}/syncs/{failed}")).text

    assert 'data-state="bad">Error' not in page
    assert ">Retry" not in page
    assert "We'll automatically retry this sync in 15 minutes." in callout(page)
    assert "Retry Now" not in details


async def test_complete_history_needs_no_callout(browser: httpx.AsyncClient, acme: int, seed: Seed) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    seed.complete_history(store_id)
    await log_in(browser)

    page = (await browser.get(SHOPIFY)).text

    assert "Limited History" not in page
    assert "<dd>Full order history</dd>" in page


async def test_disconnected_store_wishes_for_nothing(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    seed.disconnect(store_id)
    await log_in(browser)

    answer = await post(browser, SHOPIFY, f"{SHOPIFY}/stores/{store_id}/history")

    assert answer.status_code == 422
    assert seed.scalar("SELECT history_requested_at FROM gateway.shopify_stores") is None
