"""A merchant connects a store: it is mirrored exactly, kept live by webhooks, and caught up by syncs."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from local_stack.browser import Browser
from local_stack.platform import Platform, Row, eventually
from local_stack.stack import Login
from sync_common.contracts.resources import Resource

from ..invariants import broken
from ..mirror import WINDOW, differences, wrong_links


def exact(platform: Platform, domain: str, store_id: int, since: datetime) -> Callable[[], bool]:
    return lambda: not differences(platform, domain, store_id, orders_since=since)


@pytest.mark.timeout(300)
async def test_store_is_mirrored_exactly_then_live_then_caught_up(
    platform: Platform, login: Login, shop: str, connect: Callable[[Login, str], Row]
) -> None:
    platform.create_shop(shop, seed=7, customers=400, orders=700, products=120, timezone="Asia/Kathmandu")
    since = datetime.now(UTC) - WINDOW

    store = connect(login, shop)
    job = platform.wait_for_job(store["store_id"])

    assert job["status"] == "completed", job["error_message"]
    assert differences(platform, shop, store["store_id"], orders_since=since) == []
    assert wrong_links(platform, store["store_id"]) == []
    counts = platform.shop(shop)["visibleCounts"]
    assert job["records_created"] == {resource: counts[resource] for resource in Resource}

    platform.simulator("POST", f"/shops/{shop}/deliveries/hold")
    platform.mutate(shop, random=100, seed=11)
    platform.simulator(
        "POST", f"/shops/{shop}/deliveries/release", {"shuffle": True, "duplicate": 0.5, "seed": 3}
    )

    try:
        eventually(
            exact(platform, shop, store["store_id"], since), within_seconds=60, what="webhooks arrived"
        )
    except AssertionError:
        assert differences(platform, shop, store["store_id"], orders_since=since) == []
    assert wrong_links(platform, store["store_id"]) == []

    lose_changes(platform, shop)
    assert differences(platform, shop, store["store_id"], orders_since=since) != []
    with Browser() as browser:
        platform.log_in(browser, login)
        page = browser.open(f"/advertisers/{login.slug}/integrations/shopify")
        browser.submit(page.form(button="Sync Now"), button="Sync Now")
    second = platform.wait_for_job(store["store_id"], after=job["job_id"])

    assert (second["status"], second["job_type"]) == ("completed", "incremental_sync")
    assert differences(platform, shop, store["store_id"], orders_since=since) == []
    assert sum(second["records_processed"].values()) < 200
    assert broken(platform) == {}


def lose_changes(platform: Platform, shop: str) -> None:
    """Change records of all kinds and drop every webhook about it."""
    platform.simulator("POST", f"/shops/{shop}/deliveries/hold")
    for kind, resource, changes in (
        ("customer.update", "customers", {"first_name": "Łucja", "note": "prefers e-mail"}),
        ("order.update", "orders", {"note": "gift wrap"}),
        ("product.update", "products", {"title": "Æsir Jacket"}),
    ):
        for record in platform.truth(shop, resource)[-5:]:
            platform.mutate(shop, kind=kind, id=int(record["legacyResourceId"]), changes=changes)
    platform.simulator("POST", f"/shops/{shop}/deliveries/release", {"drop": 1.0})


async def test_merchant_gets_exactly_one_mail_when_the_first_sync_ends(
    platform: Platform, login: Login, shop: str, connect: Callable[[Login, str], Row]
) -> None:
    platform.create_shop(shop, customers=30, orders=40, products=10)

    store = connect(login, shop)
    job = platform.wait_for_job(store["store_id"])

    assert job["is_first_sync"] is not None
    mails = eventually(
        lambda: [mail for mail in platform.mails() if mail["email"] == login.email],
        within_seconds=20,
        what="the mail was accepted",
    )
    assert [mail["template"] for mail in mails] == ["shopify_sync_complete"]
    counts = platform.shop(shop)["visibleCounts"]
    variables = mails[0]["variables"]
    assert variables["shop_name"] == shop
    assert {name: variables[f"{name}_synced"] for name in ("customers", "orders", "products")} == counts


async def test_second_request_while_a_sync_runs_starts_nothing_new(
    platform: Platform, login: Login, shop: str, connect: Callable[[Login, str], Row]
) -> None:
    platform.create_shop(shop, customers=30, orders=40, products=10)
    store = connect(login, shop)
    first = platform.wait_for_job(store["store_id"])

    with Browser() as browser:
        platform.log_in(browser, login)
        page = browser.open(f"/advertisers/{login.slug}/integrations/shopify")
        form = page.form(button="Sync Now")
        browser.submit(form, button="Sync Now")
        browser.submit(form, button="Sync Now")
    platform.wait_for_job(store["store_id"], after=first["job_id"])

    assert broken(platform) == {}
