"""One shop, two advertisers: each has its own copy, and neither sees the other's, by page or by SQL."""

from collections.abc import Callable

import psycopg
import pytest

from local_stack.browser import Browser
from local_stack.platform import Platform, Row, eventually
from local_stack.stack import Login, Stack
from sync_common.contracts.stack import SERVICES
from sync_common.contracts.topics import OAUTH_GATEWAY


@pytest.mark.timeout(180)
async def test_neither_advertiser_sees_the_others_rows(
    stack: Stack,
    platform: Platform,
    new_login: Callable[[], Login],
    shop: str,
    connect: Callable[[Login, str], Row],
) -> None:
    platform.create_shop(shop, customers=40, orders=60, products=10)
    ours, theirs = new_login(), new_login()

    mine, other = connect(ours, shop), connect(theirs, shop)
    for store in (mine, other):
        assert platform.wait_for_job(store["store_id"])["status"] == "completed"

    assert mine["advertiser_id"] != other["advertiser_id"]
    for relation in SERVICES[OAUTH_GATEWAY].reads:
        assert advertisers_seen(stack, relation, mine["advertiser_id"]) <= {mine["advertiser_id"]}, relation
        assert advertisers_seen(stack, relation, None) == set(), relation
    assert advertisers_seen(stack, "records.contacts", mine["advertiser_id"]) == {mine["advertiser_id"]}
    assert foreign_pages(platform, ours, theirs, other) == []

    customer = platform.truth(shop, "customers")[0]
    platform.mutate(
        shop, kind="customer.update", id=int(customer["legacyResourceId"]), changes={"first_name": "Both"}
    )
    eventually(
        lambda: stores_with_name(platform, customer, "Both") == {mine["store_id"], other["store_id"]},
        within_seconds=20,
        what="the webhook reached both stores",
    )


@pytest.mark.timeout(180)
async def test_disconnecting_one_advertiser_leaves_the_other_live(
    platform: Platform, new_login: Callable[[], Login], shop: str, connect: Callable[[Login, str], Row]
) -> None:
    platform.create_shop(shop, customers=20, orders=20, products=5)
    leaver, stayer = new_login(), new_login()
    left, stayed = connect(leaver, shop), connect(stayer, shop)
    for store in (left, stayed):
        platform.wait_for_job(store["store_id"])

    with Browser() as browser:
        platform.log_in(browser, leaver)
        page = browser.open(
            f"/advertisers/{leaver.slug}/integrations/shopify/disconnect?store={left['store_id']}"
        )
        browser.submit(page.form(button="Disconnect Store"), button="Disconnect Store")

    customer = platform.truth(shop, "customers")[0]
    platform.mutate(
        shop, kind="customer.update", id=int(customer["legacyResourceId"]), changes={"first_name": "Stay"}
    )
    eventually(
        lambda: stayed["store_id"] in stores_with_name(platform, customer, "Stay"),
        within_seconds=20,
        what="the other store is still live",
    )
    assert left["store_id"] not in stores_with_name(platform, customer, "Stay")
    statuses = platform.rows("SELECT id, status FROM public.shopify_stores WHERE shop_domain = %s", shop)
    assert {row["id"]: row["status"] for row in statuses} == {
        left["store_id"]: "disconnected",
        stayed["store_id"]: "connected",
    }


def advertisers_seen(stack: Stack, relation: str, advertiser_id: int | None) -> set[int]:
    """Return whose rows a relation shows under the gateway's role, acting for one advertiser or for none."""
    with psycopg.connect(stack.database_url(SERVICES[OAUTH_GATEWAY].runtime_role)) as connection:
        if advertiser_id is not None:
            connection.execute("SELECT set_config('app.advertiser_id', %s, true)", [str(advertiser_id)])
        query = f"SELECT DISTINCT advertiser_id FROM {relation}"
        return {row[0] for row in connection.execute(query.encode()).fetchall()}


def foreign_pages(platform: Platform, ours: Login, theirs: Login, other: Row) -> list[str]:
    """Return the pages of another advertiser that answer with anything but 404."""
    job_id = platform.jobs(other["store_id"])[0]["job_id"]
    paths = [
        f"/advertisers/{theirs.slug}/integrations",
        f"/advertisers/{theirs.slug}/integrations/shopify",
        f"/advertisers/{theirs.slug}/integrations/shopify/connect",
        f"/advertisers/{theirs.slug}/integrations/shopify/events",
        f"/advertisers/{theirs.slug}/integrations/shopify/syncs/{job_id}",
        f"/advertisers/{ours.slug}/integrations/shopify/syncs/{job_id}",
        f"/advertisers/{ours.slug}/integrations/shopify/disconnect?store={other['store_id']}",
    ]
    with Browser() as browser:
        platform.log_in(browser, ours)
        return [path for path in paths if browser.open(path).status != 404]


def stores_with_name(platform: Platform, customer: Row, first_name: str) -> set[int]:
    rows = platform.rows(
        "SELECT source_id FROM records.contacts WHERE external_id = %s AND first_name = %s",
        customer["legacyResourceId"],
        first_name,
    )
    return {row["source_id"] for row in rows}
