"""What the pages say when the merchant lets the app not read everything."""

from typing import Any

import httpx
import pytest

from oauth_gateway.domain.access import Role
from oauth_gateway.handlers import login
from sync_common.db import Database

from ..conftest import PASSWORD
from ..seed import Seed
from .client import SHOPIFY, log_in

WARNING = "Orders are not synced: the app may not read them."
RECONNECT = (
    f'<a class="link link-warn" href="{SHOPIFY}/connect?shop=acme.myshopify.com">Reconnect to allow it.</a>'
)
PARTS: dict[str, dict[str, Any]] = {
    "customers": {"state": "done", "created": 3},
    "orders": {"state": "skipped", "skip_reason": "scope_missing"},
    "products": {"state": "skipped", "skip_reason": "not_due"},
}


async def test_card_warns_of_what_the_app_may_not_read(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    seed.store(acme, "acme-eu.myshopify.com")
    seed.grant(store_id, "read_customers", "write_products")
    await log_in(browser)

    page = (await browser.get(SHOPIFY)).text

    assert page.count(WARNING) == 1
    assert page.count(RECONNECT) == 1


async def test_first_sync_warns_too(browser: httpx.AsyncClient, acme: int, seed: Seed) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    seed.grant(store_id, "read_customers", "read_products")
    seed.first_sync_pending(store_id)
    parts = {**PARTS, "products": {"state": "waiting"}}
    seed.job(store_id, status="running", job_type="full_sync", parts=parts)
    await log_in(browser)

    page = (await browser.get(SHOPIFY)).text

    assert "Initial Sync In Progress" in page
    assert WARNING in page
    assert "<p>The app may not read them</p>" in page


@pytest.mark.parametrize(
    "scopes",
    [
        ("read_customers", "read_orders", "read_products"),
        ("write_customers", "write_orders", "write_products"),
    ],
)
async def test_nothing_is_said_when_the_scopes_are_complete(
    browser: httpx.AsyncClient, acme: int, seed: Seed, scopes: tuple[str, ...]
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    seed.grant(store_id, *scopes)
    job_id = seed.job(store_id, parts={"customers": {"state": "done"}, "orders": {"state": "done"}})
    await log_in(browser)

    pages = [(await browser.get(path)).text for path in (SHOPIFY, f"{SHOPIFY}/syncs/{job_id}")]

    assert not any("may not read" in page or "Skipped." in page for page in pages)


async def test_disconnected_store_has_nothing_to_warn_of_but_that(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    seed.grant(store_id)
    seed.disconnect(store_id)
    await log_in(browser)

    assert "may not read" not in (await browser.get(SHOPIFY)).text


async def test_member_is_told_whom_to_ask(
    browser: httpx.AsyncClient, acme: int, database: Database, seed: Seed
) -> None:
    seed.grant(seed.store(acme, "acme.myshopify.com"), "read_customers", "read_products")
    await login.create_user(
        database,
        email="mel@example.com",
        password=PASSWORD,
        name="Mel",
        advertiser="Acme",
        slug="acme",
        role=Role.MEMBER,
    )
    await log_in(browser, email="mel@example.com")

    page = (await browser.get(SHOPIFY)).text

    assert WARNING in page
    assert "An owner or admin can reconnect the store to allow it." in page
    assert RECONNECT not in page


@pytest.mark.parametrize("status", ["running", "completed"])
async def test_details_keep_the_two_reasons_apart(
    browser: httpx.AsyncClient, acme: int, seed: Seed, status: str
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    seed.grant(store_id, "read_customers", "read_products")
    job_id = seed.job(store_id, status=status, parts=PARTS)
    await log_in(browser)

    page = (await browser.get(f"{SHOPIFY}/syncs/{job_id}")).text

    assert f"<dt>Orders</dt><dd>Skipped. The app may not read them. {RECONNECT}</dd>" in page
    assert "<dt>Products</dt><dd>Skipped. Not due: they have a schedule of their own.</dd>" in page
    assert '<th scope="row">Orders</th>' not in page


async def test_details_offer_no_reconnect_once_the_scope_is_there(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    job_id = seed.job(seed.store(acme, "acme.myshopify.com"), parts=PARTS)
    await log_in(browser)

    page = (await browser.get(f"{SHOPIFY}/syncs/{job_id}")).text

    assert "<dt>Orders</dt><dd>Skipped. The app may not read them.</dd>" in page
