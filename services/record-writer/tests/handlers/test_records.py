"""The writer as the bus sees it: batches in, outcomes out, rows and owed events in one transaction."""

from sync_common.bus import Done, Rejected
from sync_common.contracts.resources import Resource

CUSTOMERS, ORDERS, PRODUCTS = Resource


async def test_customer_read_by_a_job_becomes_a_contact(world):
    body = world.graphql_customer(1, updated=0)

    outcomes = await world.write(world.read(CUSTOMERS, body, 10))

    row = await world.row("contacts", 1)
    assert outcomes == [Done()]
    assert (row["email"], row["display_name"], row["marketable"]) == (
        "ada1@example.com",
        "Ada Lovelace",
        True,
    )
    assert (str(row["total_spent"]), row["orders_count"], row["tags"]) == ("12.5000", 2, ["b2b", "vip"])
    assert row["default_address"]["country_code"] == "GB"
    books = await world.books()
    assert [(book["created"], book["distinct_ids"]) for book in books] == [(1, 1)]


async def test_older_webhook_leaves_row_unchanged(world):
    await world.write(world.webhook("orders/updated", world.rest_order(100, updated=20, note="new"), 20))
    before = await world.row("orders", 100)

    await world.write(world.webhook("orders/updated", world.rest_order(100, updated=10, note="old"), 30))

    assert await world.row("orders", 100) == before
    assert await world.refetches() == []


async def test_same_second_tie_asks_for_a_refetch(world):
    await world.write(world.webhook("orders/updated", world.rest_order(100, updated=10, note="one"), 10.2))

    await world.write(world.webhook("orders/updated", world.rest_order(100, updated=10, note="two"), 10.1))

    assert (await world.row("orders", 100))["note"] == "one"
    assert await world.refetches() == [("orders", "tie", ("100",))]


async def test_equal_record_is_unchanged_and_writes_nothing(world):
    await world.write(world.read(ORDERS, world.graphql_order(100), 10))
    before = await world.row("orders", 100)

    await world.write(world.read(ORDERS, world.graphql_order(100), 20, job_id=6))

    assert await world.row("orders", 100) == before
    books = await world.books(job_id=6)
    assert [(book["created"], book["unchanged"]) for book in books] == [(0, 1)]


async def test_redelivery_changes_neither_rows_nor_ledger(world):
    batch = [world.read(CUSTOMERS, world.graphql_customer(n), 10) for n in (1, 2, 2)]
    await world.write(*batch)
    before = await world.rows("SELECT * FROM records.contacts ORDER BY id")

    await world.write(*batch)

    assert await world.rows("SELECT * FROM records.contacts ORDER BY id") == before
    (book,) = await world.books()
    assert (book["created"], book["unchanged"], book["distinct_ids"]) == (2, 0, 2)


async def test_delete_then_older_upsert_stays_deleted(world):
    await world.write(world.webhook("orders/create", world.rest_order(100, updated=5), 5))
    await world.write(world.webhook("orders/delete", {"id": 100}, 20))

    await world.write(world.webhook("orders/updated", world.rest_order(100, updated=10), 10))

    assert (await world.row("orders", 100))["deleted_at"] == world.at(20)


async def test_upsert_after_its_deletion_never_appears(world):
    await world.write(world.webhook("products/delete", {"id": 7}, 20))

    await world.write(world.webhook("products/create", world.rest_product(7, updated=10), 10))

    assert await world.row("products", 7) == {}


async def test_webhook_reaches_the_stores_of_both_advertisers(world):
    await world.write(world.webhook("products/create", world.rest_product(7), 1))

    rows = await world.rows(
        "SELECT advertiser_id, source_id, external_id FROM records.products ORDER BY source_id"
    )
    assert [tuple(row.values()) for row in rows] == [(10, 1, "7"), (20, 2, "7")]


async def test_unknown_shop_is_rejected_and_the_rest_is_written(world):
    stranger = world.webhook("products/create", world.rest_product(9), 1, shop="nobody.myshopify.com")

    outcomes = await world.write(stranger, world.webhook("products/create", world.rest_product(7), 1))

    assert isinstance(outcomes[0], Rejected)
    assert outcomes[1] == Done()
    assert await world.row("products", 7)


async def test_customer_webhook_keeps_what_it_does_not_carry_and_asks_for_the_rest(world):
    await world.write(world.read(CUSTOMERS, world.graphql_customer(1, updated=0), 1))

    await world.write(
        world.webhook("customers/update", world.rest_customer(1, updated=10, first_name="Grace"), 10)
    )

    row = await world.row("contacts", 1)
    assert (row["first_name"], row["tags"], row["accepts_marketing"]) == ("Grace", ["b2b", "vip"], True)
    assert row["content_hash"] is None
    assert await world.refetches() == [("customers", "partial", ("1",))]


async def test_order_finds_its_contact_whichever_comes_first(world):
    await world.write(world.read(ORDERS, world.graphql_order(100, customer=1), 1))
    await world.write(world.read(CUSTOMERS, world.graphql_customer(1), 1))

    await world.write(world.read(ORDERS, world.graphql_order(101, customer=1), 1))

    contact = await world.row("contacts", 1)
    for number in (100, 101):
        row = await world.row("orders", number)
        assert (row["contact_id"], row["link_rank"]) == (contact["id"], 3)
