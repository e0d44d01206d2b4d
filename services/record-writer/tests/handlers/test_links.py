"""Orders and contacts find each other, across batches and never across tenants."""

import asyncio

import psycopg
import pytest

from record_writer.store import records
from sync_common.bus import in_transaction
from sync_common.contracts.resources import Resource

CUSTOMERS, ORDERS, _ = Resource
WAITING = """
    SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()
"""


async def link(world, number, store_id=1):
    row = await world.row("orders", number, store_id)
    return row["contact_id"], row["link_rank"]


async def race(world):
    """Write order 100 and its contact in two batches that cannot see each other."""
    order = world.message(world.read(ORDERS, world.graphql_order(100, customer=1), 1))
    customer = world.message(world.read(CUSTOMERS, world.graphql_customer(1), 1))
    async with world.database.transaction() as first, world.database.transaction() as second:
        await world.handlers[ORDERS]([order], tx=first)
        await world.handlers[CUSTOMERS]([customer], tx=second)


async def test_batches_that_cannot_see_each_other_are_linked_by_the_next_sweep(world):
    upkeep = world.upkeep()
    await upkeep.sweep(asyncio.Event())
    await race(world)

    unlinked = await link(world, 100)
    swept = await upkeep.sweep(asyncio.Event())

    assert unlinked == (None, 0)
    assert swept == 1
    assert await link(world, 100) == ((await world.row("contacts", 1))["id"], 3)


@pytest.mark.parametrize("resource", [CUSTOMERS, ORDERS])
async def test_all_that_a_job_brought_is_linked_when_its_last_mark_is_in(world, resource):
    """A job was complete, and for some seconds an order that had raced its customer had no contact."""
    await race(world)

    await world.write(world.mark(resource))

    assert await link(world, 100) == ((await world.row("contacts", 1))["id"], 3)


async def test_last_batches_that_overlap_take_turns_and_leave_nothing_unlinked(world):
    """Records and mark were in one batch here and one there: neither sweep saw what the other had not committed."""
    order = [world.read(ORDERS, world.graphql_order(100, customer=1), 1), world.mark(ORDERS)]
    customer = [world.read(CUSTOMERS, world.graphql_customer(1), 1), world.mark(CUSTOMERS)]

    async with world.database.transaction() as second:
        async with world.database.transaction() as first:
            await world.handlers[ORDERS]([world.message(raw) for raw in order], tx=first)
            messages = [world.message(raw) for raw in customer]
            other = asyncio.create_task(world.handlers[CUSTOMERS](messages, tx=second))
            async with asyncio.timeout(10):
                while not (other.done() or await world.rows(WAITING)):  # noqa: ASYNC110 - another session's state
                    await asyncio.sleep(0.01)
        await other

    assert await link(world, 100) == ((await world.row("contacts", 1))["id"], 3)


async def test_sweep_reaches_an_order_behind_any_number_that_wait_for_ever(world, monkeypatch):
    """Newer orders of guests, who never become contacts, once filled every sweep: the order behind stayed unlinked."""
    monkeypatch.setattr("record_writer.store.records.SWEPT_MAX", 2)
    await race(world)
    guests = (world.graphql_order(n, customer=None, email=f"guest{n}@example.com") for n in range(200, 206))
    await world.write(*(world.read(ORDERS, guest, 1) for guest in guests))

    swept = await world.sweep()

    assert swept == 1
    assert await link(world, 100) == ((await world.row("contacts", 1))["id"], 3)


async def test_sweep_after_an_outage_reaches_back_to_the_last_one(world):
    upkeep = world.upkeep()
    await upkeep.sweep(asyncio.Event())
    await race(world)
    await world.execute("UPDATE records.orders SET updated_at = updated_at - interval '20 minutes'")
    unreached = await upkeep.sweep(asyncio.Event())

    world.clock.advance(20 * 60)

    assert (unreached, await upkeep.sweep(asyncio.Event())) == (0, 1)


async def test_sweep_leaves_an_order_alone_whose_contact_is_being_deleted(world):
    """A contact that was deleted between its look-up and the check of the key once ended the whole service."""
    await race(world)

    async with await psycopg.AsyncConnection.connect(world.url) as redaction:
        await redaction.execute("DELETE FROM records.contacts")
        async with asyncio.timeout(10):
            swept = await world.sweep()
        await redaction.commit()

    assert (swept, await world.sweep()) == (0, 0)
    assert await link(world, 100) == (None, 0)


async def test_concurrent_batches_of_the_same_rows_do_not_deadlock(world):
    numbers = range(200)
    forward = [world.message(world.read(ORDERS, world.graphql_order(n, updated=1), 1)) for n in numbers]
    backward = [
        world.message(world.webhook("orders/updated", world.rest_order(n, updated=2), 2)) for n in numbers
    ]
    write = in_transaction(world.database, world.handlers[ORDERS])

    await asyncio.gather(write(forward), write(backward[::-1]))

    rows = await world.rows("SELECT DISTINCT updated_at_source FROM records.orders WHERE source_id = 1")
    assert [row["updated_at_source"] for row in rows] == [world.at(2)]


async def test_concurrent_batches_that_mix_full_and_partial_records_do_not_deadlock(world, monkeypatch):
    """A batch locked the rows of its full records first and those of its partial ones later, whatever their keys."""
    low, high = range(100, 200), range(200, 300)
    await world.write(*(world.read(ORDERS, world.graphql_order(n), 1) for n in (*low, *high)))

    def mixed(full, partial):
        orders = [world.webhook("orders/updated", world.rest_order(n, updated=2), 2) for n in full]
        hints = [world.webhook("refunds/create", {"id": n, "order_id": n}, 3) for n in partial]
        return [world.message(raw) for raw in (*orders, *hints)]

    together, write_now = asyncio.Barrier(2), records.write

    async def write_together(*batch, **how):
        await together.wait()
        return await write_now(*batch, **how)

    monkeypatch.setattr(records, "write", write_together)

    write = in_transaction(world.database, world.handlers[ORDERS])
    await asyncio.gather(write(mixed(low, high)), write(mixed(high, low)))

    rows = await world.rows("SELECT DISTINCT updated_at_source FROM records.orders WHERE source_id = 1")
    assert [row["updated_at_source"] for row in rows] == [world.at(2)]


async def test_higher_rank_replaces_lower_and_never_the_other_way(world):
    other = world.read(
        CUSTOMERS,
        world.graphql_customer(50, defaultEmailAddress={"emailAddress": "ada1@example.com"}),
        1,
        store_id=3,
        shop="other.myshopify.com",
    )
    await world.write(world.read(ORDERS, world.graphql_order(100, customer=1), 1))
    await world.write(other)
    by_advertiser = await link(world, 100)
    same_email = world.graphql_customer(2, defaultEmailAddress={"emailAddress": "ADA1@example.com"})
    await world.write(world.read(CUSTOMERS, same_email, 1))
    by_email = await link(world, 100)
    await world.write(world.read(CUSTOMERS, world.graphql_customer(1), 1))

    assert by_advertiser == ((await world.row("contacts", 50, 3))["id"], 1)
    assert by_email == ((await world.row("contacts", 2))["id"], 2)
    assert await link(world, 100) == ((await world.row("contacts", 1))["id"], 3)


async def test_same_shop_of_two_advertisers_links_within_each(world):
    await world.write(world.webhook("orders/create", world.rest_order(100, customer=1), 1))
    await world.write(world.read(CUSTOMERS, world.graphql_customer(1), 1, job_id=None))

    for store_id, advertiser_id in ((1, 10), (2, 20)):
        contact = await world.row("contacts", 1, store_id)
        assert contact["advertiser_id"] == advertiser_id
        assert await link(world, 100, store_id) == (contact["id"], 3)


async def test_email_change_never_unlinks(world):
    guest = world.graphql_order(100, customer=None, email="ada1@example.com")
    await world.write(world.read(CUSTOMERS, world.graphql_customer(1), 1))
    await world.write(world.read(ORDERS, guest, 1))
    before = await link(world, 100)

    await world.write(
        world.read(ORDERS, {**guest, "email": "new@example.com", "updatedAt": world.stamp(5)}, 6)
    )

    assert before[1] == 2
    assert await link(world, 100) == before


async def test_order_that_moves_to_another_customer_moves_its_link(world):
    await world.write(*(world.read(CUSTOMERS, world.graphql_customer(n), 1) for n in (1, 2)))
    await world.write(world.read(ORDERS, world.graphql_order(100, customer=1), 1))

    await world.write(world.read(ORDERS, world.graphql_order(100, updated=5, customer=2), 6))

    assert await link(world, 100) == ((await world.row("contacts", 2))["id"], 3)


async def test_link_across_tenants_is_impossible(world):
    await world.write(world.webhook("orders/create", world.rest_order(100, customer=1), 1))
    await world.write(world.read(CUSTOMERS, world.graphql_customer(1), 1))
    contact = await world.row("contacts", 1)

    foreign = "UPDATE records.orders SET contact_id = %(contact)s WHERE advertiser_id = 20"
    refused = None
    try:
        await world.execute(foreign, contact=contact["id"])
    except Exception as error:  # noqa: BLE001 - which one is what is asserted
        refused = type(error).__name__

    assert refused == "ForeignKeyViolation"
    assert await link(world, 100, store_id=2) == (None, 0)


async def test_orders_of_a_deleted_contact_find_the_next_one(world):
    """Was: the link went and its rank stayed, so nothing looked for another contact, for ever."""
    email = {"emailAddress": "ada1@example.com"}
    await world.write(
        *(world.read(CUSTOMERS, world.graphql_customer(n, defaultEmailAddress=email), 1) for n in (1, 2))
    )
    guest = world.graphql_order(100, customer=None, email="ada1@example.com")
    await world.write(world.read(ORDERS, guest, 1, store_id=3, shop="other.myshopify.com"))
    before = await link(world, 100, store_id=3)

    await world.execute("UPDATE records.orders SET updated_at = '2026-01-01Z'")
    await world.comply("customers/redact", {"customer": {"id": 1}}, 10)
    unlinked = await link(world, 100, store_id=3)
    await world.sweep()

    assert before[1] == 1
    assert unlinked == (None, 0)
    assert await link(world, 100, store_id=3) == ((await world.row("contacts", 2))["id"], 1)


async def test_link_that_a_deletion_breaks_has_no_rank(world):
    """Was: a link made while its contact was being deleted left an order that nothing linked again."""
    await world.write(world.read(CUSTOMERS, world.graphql_customer(1), 1))
    await world.write(world.read(ORDERS, world.graphql_order(100, customer=1), 1))

    await world.execute("DELETE FROM records.contacts")
    unlinked = await link(world, 100)
    await world.write(world.read(CUSTOMERS, world.graphql_customer(1), 1))

    assert unlinked == (None, 0)
    assert await link(world, 100) == ((await world.row("contacts", 1))["id"], 3)


@pytest.mark.parametrize(("swept_seconds", "pause"), [(0.0, 1), (0.01, 1), (2.0, 40.0)])
def test_sweep_rests_the_longer_the_more_orders_wait(world, swept_seconds, pause):
    """A first sync has hundreds of thousands of orders wait at once: sweeps every three seconds took a fifth of it."""
    assert world.upkeep().pause_after(swept_seconds) == pause
