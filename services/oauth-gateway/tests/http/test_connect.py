"""Connecting a store: consent, callback, and whoever comes back with what is not his."""

import httpx
import pytest

from sync_common.runtime import ManualClock

from ..conftest import RecordedFetcher
from ..seed import Seed
from .client import SHOPIFY, callback_url, log_in, post


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
