"""The details of a sync, and of a store's webhooks."""

import re

import httpx
import pytest

from ..seed import Seed
from .client import SHOPIFY, log_in


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


async def test_details_of_a_full_sync_close_its_books(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    counts = {"state": "done", "updated": 1234, "read_count": 1234, "object_count": 5678}
    job_id = seed.job(seed.store(acme, "acme.myshopify.com"), job_type="full_sync", parts={"orders": counts})
    await log_in(browser)

    details = (await browser.get(f"{SHOPIFY}/syncs/{job_id}")).text

    assert "Shopify exported 1,234 records (5,678 lines); all are accounted for." in details


async def test_cancelled_sync_names_no_error(browser: httpx.AsyncClient, acme: int, seed: Seed) -> None:
    job_id = seed.job(
        seed.store(acme, "acme.myshopify.com"), status="cancelled", error="Cancelled by a person."
    )
    await log_in(browser)

    details = (await browser.get(f"{SHOPIFY}/syncs/{job_id}")).text

    assert "<dt>Reason</dt><dd>Cancelled by a person.</dd>" in details
    assert "Error" not in details
    assert "Retry Now" not in details


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
