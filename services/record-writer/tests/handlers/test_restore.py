"""A deletion that is taken back: the record is as it was, for good, and only where it was asked for."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from record_writer.metrics import REGISTRY
from sync_common.bus import Done
from sync_common.contracts.resources import Resource

CUSTOMERS, ORDERS, PRODUCTS = Resource
TABLES = {CUSTOMERS: "contacts", ORDERS: "orders", PRODUCTS: "products"}
STATES = {CUSTOMERS: {}, ORDERS: {}, PRODUCTS: {"status": "DRAFT"}}
EMAIL = {"emailAddress": "ada@example.com", "marketingState": "SUBSCRIBED"}


def body(world, resource, **fields):
    make = {
        CUSTOMERS: world.graphql_customer,
        ORDERS: world.graphql_order,
        PRODUCTS: world.graphql_product,
    }
    return make[resource](7, **STATES[resource], **fields)


async def fill(world, resource, observed=1):
    """Have both stores of the shop hold the record."""
    await world.write(world.read(resource, body(world, resource), observed, job_id=None))


async def deliver(world, *raws):
    """Hand over one batch that nothing is wrong with."""
    assert set(await world.write(*raws)) == {Done()}


async def lives(world, resource, store_id=1):
    row = await world.row(TABLES[resource], 7, store_id)
    return bool(row) and row["deleted_at"] is None


@pytest.mark.parametrize("resource", Resource)
async def test_restored_record_is_as_it_was_but_for_its_hash(world, resource):
    await fill(world, resource)
    before = await world.row(TABLES[resource], 7)
    await world.write(world.gone(resource, 7, 10))
    gone = await world.row(TABLES[resource], 7)

    await world.write(world.restored(resource, 7, 20))

    after = await world.row(TABLES[resource], 7)
    ours = ("content_hash", "updated_at", "xmin")
    assert gone["deleted_at"] == world.at(10)
    assert {name: after[name] for name in after if name not in ours} == {
        name: before[name] for name in before if name not in ours
    }
    assert after["content_hash"] is None


async def test_archived_product_is_archived_again(world):
    await world.write(world.read(PRODUCTS, world.graphql_product(7, status="ARCHIVED"), 1))
    await world.write(world.gone(PRODUCTS, 7, 10))

    await world.write(world.restored(PRODUCTS, 7, 20))

    assert (await world.row("products", 7))["status"] == "archived"


@pytest.mark.parametrize("resource", Resource)
async def test_next_full_record_is_written_although_it_says_the_same(world, resource):
    await fill(world, resource)
    await world.write(world.gone(resource, 7, 10))
    await world.write(world.restored(resource, 7, 20))

    await world.write(world.read(resource, body(world, resource), 15))

    row = await world.row(TABLES[resource], 7)
    assert (row["observed_at"], row["content_hash"] is None) == (world.at(15), False)
    assert [book["updated"] for book in await world.books(resource=resource)] == [1]


async def test_deletion_is_taken_back_in_one_store(world):
    await fill(world, PRODUCTS)
    await world.write(world.gone(PRODUCTS, 7, 10))

    await world.write(world.restored(PRODUCTS, 7, 20, store_id=2, advertiser_id=20))

    assert (await lives(world, PRODUCTS), await lives(world, PRODUCTS, store_id=2)) == (False, True)


async def test_deletion_after_the_decision_stands(world):
    await fill(world, PRODUCTS)
    await world.write(world.gone(PRODUCTS, 7, 10))
    await world.write(world.gone(PRODUCTS, 7, 30))

    await world.write(world.restored(PRODUCTS, 7, 20))

    assert not await lives(world, PRODUCTS)
    assert (await world.row("products", 7))["status"] == "archived"


@pytest.mark.parametrize("again", ["late", "twice"])
async def test_deletion_that_was_taken_back_does_not_count_when_it_comes_again(world, again):
    await fill(world, PRODUCTS)
    if again == "twice":
        await world.write(world.gone(PRODUCTS, 7, 10))
    await world.write(world.restored(PRODUCTS, 7, 20))

    await deliver(world, world.gone(PRODUCTS, 7, 10))

    assert await lives(world, PRODUCTS)


async def test_latest_decision_stays_when_an_earlier_one_comes_after_it(world):
    await fill(world, PRODUCTS)
    await world.write(world.restored(PRODUCTS, 7, 20))
    await world.write(world.restored(PRODUCTS, 7, 10))

    await deliver(world, world.gone(PRODUCTS, 7, 15))

    assert await lives(world, PRODUCTS)


async def test_restoring_twice_writes_nothing(world):
    await fill(world, PRODUCTS)
    await world.write(world.gone(PRODUCTS, 7, 10))
    await world.write(world.restored(PRODUCTS, 7, 20))
    before = await world.row("products", 7)

    await world.write(world.restored(PRODUCTS, 7, 20))

    assert await world.row("products", 7) == before


async def test_restoration_is_counted_in_the_lane_that_brings_it(world):
    def counted():
        labels = {"resource": "products", "lane": "live", "outcome": "updated"}
        return REGISTRY.get_sample_value("record_writer_records_total", labels) or 0

    await fill(world, PRODUCTS)
    await world.write(world.gone(PRODUCTS, 7, 10))
    before = counted()

    await world.write(world.restored(PRODUCTS, 7, 20))

    assert counted() == before + 1


async def test_restoring_asks_for_no_read_which_may_err_again(world):
    await fill(world, PRODUCTS)
    await world.write(world.gone(PRODUCTS, 7, 10))

    await world.write(world.restored(PRODUCTS, 7, 20))

    assert await world.refetches() == []


async def test_record_that_never_came_may_come_after_its_restoration(world):
    await world.write(world.gone(PRODUCTS, 7, 10))
    await world.write(world.restored(PRODUCTS, 7, 20))

    await fill(world, PRODUCTS, observed=5)

    assert await lives(world, PRODUCTS)


@pytest.mark.parametrize("person", [{"id": 7}, {"email": "ada7@example.com"}])
async def test_erased_customer_is_not_restored(world, person):
    await fill(world, CUSTOMERS)
    await world.write(world.gone(CUSTOMERS, 7, 10))
    await world.comply("customers/redact", {"customer": person}, 15)

    await world.write(world.restored(CUSTOMERS, 7, 20))

    assert await world.row("contacts", 7) == {}


async def test_no_restoration_keeps_the_number_of_an_erased_customer(world):
    await fill(world, CUSTOMERS)
    await world.write(world.gone(CUSTOMERS, 7, 10))
    await world.write(world.restored(CUSTOMERS, 7, 20))

    await world.comply("customers/redact", {"customer": {"id": 7}}, 30)
    await world.write(world.restored(CUSTOMERS, 7, 40))

    assert await world.rows("SELECT FROM records.tombstones WHERE store_id = 1") == []


async def test_erased_persons_order_is_restored_without_the_person(world):
    await fill(world, ORDERS)
    await world.write(world.gone(ORDERS, 7, 10))
    await world.comply("customers/redact", {"customer": {"id": 1}, "orders_to_redact": [7]}, 15)

    await world.write(world.restored(ORDERS, 7, 20))

    row = await world.row("orders", 7)
    assert await lives(world, ORDERS)
    assert (row["email"], row["customer_external_id"], row["metadata"]) == (None, None, {"redacted": True})


async def test_order_that_came_while_its_contact_was_deleted_is_linked_when_it_is_restored(world):
    """By e-mail a deleted contact is not found."""
    await world.write(world.read(CUSTOMERS, world.graphql_customer(7, defaultEmailAddress=EMAIL), 1))
    await world.write(world.gone(CUSTOMERS, 7, 10))
    guest = world.graphql_order(100, customer=None, email="ada@example.com", updated=11)
    await world.write(world.read(ORDERS, guest, 11))
    before = (await world.row("orders", 100))["contact_id"]

    await world.write(world.restored(CUSTOMERS, 7, 20))

    order = await world.row("orders", 100)
    assert before is None
    assert (order["contact_id"], order["match_rank"]) == ((await world.row("contacts", 7))["id"], 2)


async def test_contact_that_is_not_restored_gets_no_orders(world):
    await world.write(world.read(CUSTOMERS, world.graphql_customer(7, defaultEmailAddress=EMAIL), 1))
    await world.write(world.gone(CUSTOMERS, 7, 30))
    guest = world.graphql_order(100, customer=None, email="ada@example.com", updated=11)
    await world.write(world.read(ORDERS, guest, 11))

    await world.write(world.restored(CUSTOMERS, 7, 20))

    assert (await world.row("orders", 100))["contact_id"] is None


EVENTS = st.lists(
    st.tuples(st.sampled_from(["delete", "restore", "update"]), st.integers(2, 12)),
    min_size=2,
    max_size=6,
    unique_by=lambda event: event[1],
)


@given(EVENTS, st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whether_a_record_lives_does_not_depend_on_the_order(world, events, chance: random.Random):
    """It lives if the last deletion was taken back, or if Shopify told of the record after it."""
    await world.execute("TRUNCATE records.products, records.tombstones")
    await fill(world, PRODUCTS)

    batch = []
    for kind, moment in events:
        if kind == "delete":
            batch.append(world.gone(PRODUCTS, 7, moment))
        elif kind == "restore":
            batch.append(world.restored(PRODUCTS, 7, moment))
        else:
            told = body(world, PRODUCTS, updated=moment, title=f"{moment}")
            batch.append(world.read(PRODUCTS, told, moment, job_id=None))
        if chance.random() < 0.5:
            await deliver(world, *batch)
            batch = []
    if batch:
        await deliver(world, *batch)

    latest = {kind: max((at for k, at in events if k == kind), default=1) for kind, _ in events}
    deleted = latest.get("delete", 0)
    assert await lives(world, PRODUCTS) == (
        latest.get("restore", 0) >= deleted or latest.get("update", 1) > deleted
    )
