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
    assert f'href="shopify/stores/{store_id}/proof"' in page


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
    assert '<p class="proof" data-state="warn">' in page
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


@pytest.mark.parametrize("is_complete", [False, True])
async def test_sheet_tells_every_number(
    browser: httpx.AsyncClient, acme: int, seed: Seed, is_complete: bool
) -> None:
    """Orders are compared within the window until the whole history was read, whatever the app may read."""
    store_id = seed.store(acme, "acme.myshopify.com")
    seed.grant(store_id, "read_customers", "read_orders", "read_all_orders", "read_products")
    if is_complete:
        seed.complete_history(store_id)
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
    assert ("Orders are those of the last 60 days" in page) is not is_complete
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


async def test_what_is_no_longer_in_shopify_waits_for_a_person(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    check_id = seed.check(store_id)
    seed.deletions(store_id, check_id, "customers", 57)
    seed.deletions(store_id, check_id, "products", 1)
    await log_in(browser)

    card = (await browser.get(SHOPIFY)).text
    sheet = (await browser.get(f"{SHOPIFY}/stores/{store_id}/proof")).text

    assert "57 customers are no longer in Shopify. <a" in card
    assert "1 product is no longer in Shopify. <a" in card
    assert "57 customers are no longer in Shopify. They are kept until you decide." in sheet
    assert "1 product is no longer in Shopify. It is kept until you decide." in sheet
    admin = "http://127.0.0.1:8010/shops/acme.myshopify.com/admin"
    assert sheet.count(f'<a href="{admin}/customers/') == 20
    assert f'href="{admin}/customers/{check_id * 1000 + 1}"' in sheet
    assert "The first 20 ids" in sheet


async def test_deleting_asks_first(browser: httpx.AsyncClient, acme: int, seed: Seed) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    check_id = seed.check(store_id)
    seed.deletions(store_id, check_id, "customers", 57)
    path = f"{SHOPIFY}/stores/{store_id}"
    await log_in(browser)

    sheet = (await browser.get(f"{path}/proof")).text
    link = f"{path}/deletions?check={check_id}&resource=customers"
    asked = (await browser.get(link)).text
    wishes_before = seed.scalar("SELECT count(*) FROM gateway.outbox")
    answer = await post(
        browser, link, f"{path}/deletions", check=str(check_id), resource="customers", decision="delete"
    )

    assert f'href="{link.replace("&", "&amp;")}"' in sheet
    assert "Delete 57 customers of acme.myshopify.com?" in asked
    assert wishes_before == 0
    assert answer.status_code == 303
    assert "Deleting 57 customers of acme.myshopify.com." in (await browser.get(SHOPIFY)).text
    wish = seed.scalar("SELECT body::jsonb FROM gateway.outbox WHERE topic = 'sync.requested.v1'")
    assert (wish["check_id"], wish["resource"], wish["decision"]) == (check_id, "customers", "delete")
    assert (wish["store_id"], wish["advertiser_id"]) == (store_id, acme)
    assert wish["requested_by_user_id"] == seed.scalar("SELECT id FROM gateway.users")


async def test_what_was_decided_is_told_and_a_deletion_can_be_undone(
    browser: httpx.AsyncClient, acme: int, seed: Seed
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    user_id = seed.scalar("SELECT id FROM gateway.users")
    deleted, kept, undone = (seed.check(store_id) for _ in range(3))
    seed.deletions(store_id, deleted, "orders", 3, state="deleted")
    seed.deletions(store_id, kept, "customers", 57, state="kept", user_id=user_id)
    seed.deletions(store_id, undone, "products", 1, state="undone")
    path = f"{SHOPIFY}/stores/{store_id}"
    await log_in(browser)

    card = (await browser.get(SHOPIFY)).text
    sheet = (await browser.get(f"{path}/proof")).text
    await post(
        browser,
        f"{path}/proof",
        f"{path}/deletions",
        check=str(deleted),
        resource="orders",
        decision="undo",
    )

    assert "no longer in Shopify" not in card
    assert "3 orders were deleted on Nov 22." in sheet
    assert "57 customers were kept on Nov 22 by Dana Reyes." in sheet
    assert "1 product was brought back on Nov 22." in sheet
    assert sheet.count(">Undo<") == 1
    assert ">Keep<" not in sheet
    assert seed.scalar("SELECT body::jsonb ->> 'decision' FROM gateway.outbox") == "undo"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"check": "99"}, 404),
        ({"resource": "orders"}, 404),
        ({"resource": "shoes"}, 404),
        ({"decision": "undo"}, 404),
        ({"decision": "burn"}, 422),
        ({"check": "x"}, 422),
    ],
)
async def test_only_what_waits_is_decided_about(
    browser: httpx.AsyncClient, acme: int, seed: Seed, fields: dict[str, str], status: int
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    check_id = seed.check(store_id)
    seed.deletions(store_id, check_id, "customers", 6)
    path = f"{SHOPIFY}/stores/{store_id}"
    await log_in(browser)

    sent = {"check": str(check_id), "resource": "customers", "decision": "keep", **fields}
    answer = await post(browser, f"{path}/proof", f"{path}/deletions", **sent)

    assert answer.status_code == status
    assert seed.scalar("SELECT count(*) FROM gateway.outbox") == 0


async def test_sheet_of_many_checks_is_light(browser: httpx.AsyncClient, acme: int, seed: Seed) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    for _ in range(5):
        check_id = seed.check(store_id)
        for resource in ("customers", "orders", "products"):
            seed.deletions(store_id, check_id, resource, 30, state="deleted")
    oldest = seed.check(store_id)
    seed.execute("UPDATE sync.deletions SET check_id = -check_id")
    seed.deletions(store_id, -oldest, "orders", 40)
    await log_in(browser)

    sheet = await browser.get(f"{SHOPIFY}/stores/{store_id}/proof")

    assert "40 orders are no longer in Shopify." in sheet.text
    assert len(sheet.content) < 50_000
