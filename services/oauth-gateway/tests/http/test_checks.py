"""What the pages say of how a mirror compares with Shopify, and what a manager does about it."""

import re

import httpx
import pytest

from ..seed import Seed
from .client import SHOPIFY, log_in, post


def equal(seed: Seed, store_id: int) -> None:
    for resource, count in (("customers", 1234), ("orders", 5000), ("products", 120)):
        seed.proof(store_id, resource, count)


async def test_card_counts_what_was_proven(browser: httpx.AsyncClient, acme: int, seed: Seed) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    seed.check(store_id)
    equal(seed, store_id)
    await log_in(browser)

    page = (await browser.get(SHOPIFY)).text

    assert "Checked against Shopify: all equal</a> · <time" in page
    assert ">2 hours ago</time><small>" in page
    assert "<small>1,234 of 1,234 customers, 5,000 of 5,000 orders, 120 of 120 products</small>" in page
    assert f'href="{SHOPIFY}/stores/{store_id}/proof"' in page


@pytest.mark.parametrize("state", ["waiting", "running"])
async def test_card_says_that_it_is_being_checked(
    browser: httpx.AsyncClient, acme: int, seed: Seed, state: str
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    seed.check(store_id)
    equal(seed, store_id)
    seed.check(store_id, state=state)
    await log_in(browser)

    page = (await browser.get(SHOPIFY)).text

    assert "Checking against Shopify…" in page
    assert "all equal" not in page


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"ours": 1233, "missing": 1}, "1,233 of 1,234 customers"),
        (
            {"ours": 1234, "missing": 2, "surplus": 2, "repaired": 2},
            "1,234 of 1,234 customers, 2 not repaired",
        ),
    ],
)
async def test_card_names_only_what_differs(
    browser: httpx.AsyncClient, acme: int, seed: Seed, counts: dict[str, int], words: str
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    seed.proof(store_id, "customers", 1234, **counts)
    seed.proof(store_id, "products", 120, missing=3, repaired=3)
    await log_in(browser)

    page = (await browser.get(SHOPIFY)).text

    assert f"Checked against Shopify: {words}</a>" in page
    assert '<p class="proof off">' in page
    assert "all equal" not in page
    assert "products" not in page.split(words)[1].split("</p>")[0]


async def test_failed_check_keeps_what_an_earlier_one_proved(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    equal(seed, store_id)
    seed.check(store_id, state="failed", error="Shopify did not answer")
    await log_in(browser)

    card = (await browser.get(SHOPIFY)).text
    sheet = (await browser.get(f"{SHOPIFY}/stores/{store_id}/proof")).text

    assert "The last check against Shopify failed" in card
    assert "<dd>Shopify did not answer.</dd>" in sheet
    assert "All equal" in sheet


async def test_store_without_a_proof_says_so(browser: httpx.AsyncClient, acme: int, seed: Seed) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    await log_in(browser)

    assert "Not checked against Shopify yet" in (await browser.get(SHOPIFY)).text
    assert "Nothing is compared yet." in (await browser.get(f"{SHOPIFY}/stores/{store_id}/proof")).text


@pytest.mark.parametrize("all_orders", [False, True])
async def test_sheet_tells_every_number(
    browser: httpx.AsyncClient, acme: int, seed: Seed, all_orders: bool
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    if all_orders:
        seed.grant(store_id, "read_customers", "read_orders", "read_all_orders", "read_products")
    seed.proof(store_id, "customers", 1234, missing=3, surplus=2, repaired=5, lost=7)
    seed.proof(store_id, "orders", 5000)
    await log_in(browser)
    browser.cookies.set("tz", "America%2FNew_York")

    page = (await browser.get(f"{SHOPIFY}/stores/{store_id}/proof")).text

    rows = [re.findall(r'data-label="[^"]+">(.*?)</td>', row) for row in page.split('<th scope="row">')[1:]]
    assert rows[0] == ["1,234", "1,234", "3", "2", "5", "7"]
    assert rows[1][:5] == ["5,000", "5,000", "0", "0", "0"]
    assert "unknown" in rows[1][5]
    assert ">Today, 9:00 AM</time>" in page
    assert ("Orders are those of the last 60 days" in page) is not all_orders
    assert "younger than two minutes are left out" in page


async def test_check_now_asks_once(browser: httpx.AsyncClient, acme: int, seed: Seed) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    sheet = f"{SHOPIFY}/stores/{store_id}/proof"
    await log_in(browser)

    first = await post(browser, sheet, f"{SHOPIFY}/stores/{store_id}/check")
    told = (await browser.get(SHOPIFY)).text
    seed.check(store_id, state="waiting")
    again = await post(browser, sheet, f"{SHOPIFY}/stores/{store_id}/check")

    assert first.status_code == again.status_code == 303
    assert "Checking acme.myshopify.com against Shopify." in told
    assert 'aria-disabled="true">Checking' in (await browser.get(sheet)).text
    wishes = seed.scalar(
        "SELECT jsonb_agg(body::jsonb) FROM gateway.outbox WHERE topic = 'sync.requested.v1'"
    )
    assert [(wish["store_id"], wish["requested_by_user_id"]) for wish in wishes] == [
        (store_id, seed.scalar("SELECT id FROM gateway.users"))
    ]
    assert seed.scalar("SELECT headers::text FROM gateway.outbox").find("sync.check_requested") > 0


async def test_disconnected_store_is_not_checked(browser: httpx.AsyncClient, acme: int, seed: Seed) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    seed.disconnect(store_id)
    await log_in(browser)

    answer = await post(browser, SHOPIFY, f"{SHOPIFY}/stores/{store_id}/check")

    assert answer.status_code == 422
    assert seed.scalar("SELECT count(*) FROM gateway.outbox") == 0
    assert "Check Now" not in (await browser.get(f"{SHOPIFY}/stores/{store_id}/proof")).text
