"""Shopify's own example of every topic, all the way to the rows it makes, changes or ends."""

from datetime import datetime
from decimal import Decimal

import msgspec
import pytest

from record_writer.domain.interpret import DELIVERED
from sync_common.bus import Done
from sync_common.contracts.resources import Resource
from sync_common.contracts.webhooks import WEBHOOK_ROUTES

from ..examples import example, golden

CUSTOMERS, ORDERS, PRODUCTS = Resource
TABLES = {CUSTOMERS: "contacts", ORDERS: "orders", PRODUCTS: "products"}
LONG_AGO = -10 * 365 * 86_400
"""Before the examples, which are of the last second of 2021."""

MAKES_A_ROW = [topic for topic in DELIVERED if golden(topic)["creates"]]
HINTS = [topic for topic in DELIVERED if golden(topic)["kind"] == "partial" and topic not in MAKES_A_ROW]
ENDS = [topic for topic in DELIVERED if golden(topic)["kind"] == "deleted"]


UNSAID = {"xmin", "updated_at", "observed_at", "content_hash", "marketable"}
"""Columns of a row that follow from the others, or say when and how it was written."""


def resource_of(topic):
    resource = WEBHOOK_ROUTES[topic].resource
    assert resource is not None
    return resource


def delivered(world, topic, observed=1):
    return world.webhook(topic, msgspec.json.decode(example(topic)), observed)


def stored_before(world, topic):
    """Return the record that an example is about, as a job read it years before."""
    resource, number = resource_of(topic), int(golden(topic)["external_id"])
    body = {
        CUSTOMERS: world.graphql_customer,
        ORDERS: world.graphql_order,
        PRODUCTS: world.graphql_product,
    }[resource](number, updated=LONG_AGO)
    if resource is CUSTOMERS:
        body["defaultEmailAddress"] |= {"emailAddress": "bob@biller.com", "marketingUpdatedAt": None}
    return world.read(resource, body, LONG_AGO)


def as_golden(value):
    """Return a row's value as golden files write it."""
    if isinstance(value, Decimal):
        return str(value.quantize(Decimal("0.01")))
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value


async def row_of(world, topic):
    return await world.row(TABLES[resource_of(topic)], golden(topic)["external_id"])


def asked_again(topic):
    """Return the refetch that an example calls for: its record, and whom else it names."""
    asked = golden(topic)
    return (resource_of(topic), "partial", (asked["external_id"], *asked["refetch"]))


@pytest.mark.parametrize("topic", MAKES_A_ROW)
async def test_example_becomes_a_row_that_holds_all_it_carries(world, topic):
    outcomes = await world.write(delivered(world, topic))

    assert outcomes == [Done()]
    row, asked = await row_of(world, topic), golden(topic)
    metadata = row.pop("metadata")
    assert metadata.items() >= asked["columns"].pop("metadata").items()
    assert {name: as_golden(row[name]) for name in asked["columns"]} == asked["columns"]
    assert as_golden(row["updated_at_source"]) == asked["updated_at"]
    assert await world.refetches() == ([] if asked["kind"] == "full" else [asked_again(topic)])


@pytest.mark.parametrize("topic", HINTS)
async def test_example_that_is_a_hint_changes_what_it_carries_and_asks_for_the_rest(world, topic):
    await world.write(stored_before(world, topic))
    before, carried = await row_of(world, topic), golden(topic)["columns"]

    await world.write(delivered(world, topic))

    after = await row_of(world, topic)
    said = {name for name in carried if name in after}
    assert {name: as_golden(after[name]) for name in said} == {name: carried[name] for name in said}
    kept = after.keys() - said - UNSAID
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert after["content_hash"] is None
    assert await world.refetches() == [asked_again(topic)]


@pytest.mark.parametrize("topic", HINTS)
async def test_example_that_is_a_hint_makes_no_row(world, topic):
    await world.write(delivered(world, topic))

    assert await row_of(world, topic) == {}
    assert await world.refetches() == [asked_again(topic)]


@pytest.mark.parametrize("topic", ENDS)
async def test_example_of_a_deletion_ends_the_row_and_leaves_a_tombstone(world, topic):
    await world.write(stored_before(world, topic))

    await world.write(delivered(world, topic))

    assert (await row_of(world, topic))["deleted_at"] == world.at(1)
    buried = await world.rows("SELECT external_id, deleted_at FROM records.tombstones WHERE store_id = 1")
    assert buried == [{"external_id": golden(topic)["external_id"], "deleted_at": world.at(1)}]


EXAMPLE_SHOP = "example-shop.myshopify.com"
CUSTOMER, LISTED_ORDERS = 191167, (299938, 280263, 220458)


@pytest.fixture
async def example_shop(world):
    """A store of the shop that Shopify's compliance examples name, with all that they name, and a stranger."""
    await world.execute(f"""
        INSERT INTO gateway.stores_v1 (store_id, advertiser_id, shop_domain) VALUES (4, 10, '{EXAMPLE_SHOP}');
        INSERT INTO fetcher.installations_v1
            (store_id, advertiser_id, installation_id, shop_domain, status, connected_at)
        VALUES (4, 10, 4, '{EXAMPLE_SHOP}', 'connected', '2026-01-01Z')
    """)
    email = {"emailAddress": "John@Example.com", "marketingState": "SUBSCRIBED"}
    customers = [world.graphql_customer(CUSTOMER, defaultEmailAddress=email), world.graphql_customer(1)]
    orders = [world.graphql_order(n, customer=None, email="other@example.com") for n in LISTED_ORDERS]
    orders += [world.graphql_order(5, customer=CUSTOMER), world.graphql_order(6, customer=1)]
    for resource, bodies in ((CUSTOMERS, customers), (ORDERS, orders)):
        await world.write(*(world.read(resource, body, 1, store_id=4, shop=EXAMPLE_SHOP) for body in bodies))
    return world


async def comply(world, topic):
    return await world.comply(topic, msgspec.json.decode(example(topic)), 10, shop=EXAMPLE_SHOP)


async def test_example_of_customers_redact_erases_the_person_and_the_orders_it_lists(example_shop):
    outcome = await comply(example_shop, "customers/redact")

    assert outcome == Done()
    contacts = await example_shop.rows("SELECT external_id FROM records.contacts")
    named = await example_shop.rows(
        "SELECT external_id FROM records.orders WHERE email IS NOT NULL OR customer_external_id IS NOT NULL"
    )
    assert [row["external_id"] for row in contacts] == ["1"]
    assert [row["external_id"] for row in named] == ["6"]


async def test_example_of_customers_data_request_exports_the_person_and_the_orders_it_lists(example_shop):
    outcome = await comply(example_shop, "customers/data_request")

    assert outcome == Done()
    ((export, content),) = [
        (row["request_id"], row["content"])
        for row in await example_shop.rows(
            "SELECT request_id, content FROM records.exports JOIN records.export_chunks ON export_id = exports.id"
        )
    ]
    held = {(one["kind"], one["record"]["external_id"]) for one in content}
    assert export == "9999"
    assert held == {("contact", str(CUSTOMER)), *(("order", str(n)) for n in (*LISTED_ORDERS, 5))}


async def test_example_of_shop_redact_erases_the_shop_once_it_is_gone(example_shop):
    await example_shop.execute("""
        UPDATE fetcher.installations_v1 SET status = 'disconnected', disconnected_at = '2026-06-01 12:00:05Z'
        WHERE store_id = 4
    """)

    outcome = await comply(example_shop, "shop/redact")
    upkeep = example_shop.upkeep()
    while await upkeep.erase():
        pass

    assert outcome == Done()
    assert await example_shop.rows("SELECT FROM records.contacts") == []
    assert await example_shop.rows("SELECT FROM records.orders") == []
