"""What a person asks for on the Shopify page: syncs, frequencies, names, disconnecting."""

import httpx
import pytest

from sync_common.runtime import ManualClock

from ..conftest import RecordedFetcher
from ..seed import Seed
from .client import SHOPIFY, log_in, post


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
