"""The job ledger: outcomes are a set, whatever is repeated, refused or forbidden."""

import pytest

from sync_common.bus import Rejected
from sync_common.contracts.resources import Resource

CUSTOMERS, ORDERS, PRODUCTS = Resource
COUNTS = ("created", "updated", "unchanged", "skipped", "failed", "distinct_ids")


async def counts(world, **only):
    (book,) = await world.books(**only)
    return tuple(int(book[name]) for name in COUNTS)


async def test_every_outcome_is_counted_once(world):
    await world.write(world.webhook("products/create", world.rest_product(1, updated=1), 1))
    await world.write(world.webhook("products/create", world.rest_product(2, updated=1), 1))
    await world.write(world.webhook("products/delete", {"id": 3}, 50))
    job = [
        world.read(PRODUCTS, world.graphql_product(1, updated=1), 9),
        world.read(PRODUCTS, world.graphql_product(2, updated=5, title="new"), 9),
        world.read(PRODUCTS, world.graphql_product(3, updated=5), 9),
        world.read(PRODUCTS, world.graphql_product(4, updated=5), 9),
        world.read(PRODUCTS, world.graphql_product(5, updated=5, title=None), 9),
    ]

    outcomes = await world.write(*job)
    await world.write(*reversed(job))

    assert [isinstance(outcome, Rejected) for outcome in outcomes] == [False] * 4 + [True]
    assert await counts(world) == (1, 1, 1, 1, 1, 5)


async def test_record_that_is_forbidden_is_skipped_for_every_job_that_brought_it(world):
    await world.write(world.webhook("products/delete", {"id": 3}, 50))

    await world.write(
        *(world.read(PRODUCTS, world.graphql_product(3), 9, job_id=job_id) for job_id in (5, 6))
    )

    assert [await counts(world, job_id=job_id) for job_id in (5, 6)] == [(0, 0, 0, 1, 0, 1)] * 2


async def test_tallies_equal_the_ledger(world):
    for start in range(3):
        await world.write(
            *(world.read(PRODUCTS, world.graphql_product(n), 9) for n in range(start, start + 5))
        )

    (ledger,) = await world.rows("SELECT count(*) AS rows FROM records.job_ledger")
    assert (await counts(world))[-1] == ledger["rows"] == 7


async def test_failure_is_listed_with_field_and_reason_without_the_value(world):
    await world.write(world.read(ORDERS, world.graphql_order(100, currencyCode=None), 9))

    (failure,) = await world.rows_as(
        "svc_oauth_gateway", "SELECT * FROM records.failures_v1", advertiser_id=10
    )
    assert (failure["record_id"], failure["field"], failure["reason"]) == (
        "100",
        "orders.currency",
        "orders.currency: missing",
    )


async def test_record_that_the_database_refuses_is_counted_as_failed(world):
    poison = world.read(ORDERS, world.graphql_order(100, name="x", sourceName="y"), 9)
    await world.execute("ALTER TABLE records.orders ADD CONSTRAINT refused CHECK (order_number <> 'x')")

    (outcome,) = await world.write(poison)

    assert outcome == Rejected("the database cannot hold it", error="CheckViolation")
    assert await counts(world) == (0, 0, 0, 0, 1, 1)
    assert await world.row("orders", 100) == {}


async def test_record_that_cannot_be_brought_to_the_database_is_counted_as_failed(world, monkeypatch):
    """A value that broke on its way to the database once left no trace in the ledger: the job completed without it."""

    def refuse(*_):
        raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")

    monkeypatch.setattr("record_writer.store.staging.Lines.line", refuse)

    (outcome,) = await world.write(world.read(ORDERS, world.graphql_order(100), 9))

    assert outcome == Rejected("the database cannot hold it", error="UnicodeEncodeError")
    assert await counts(world) == (0, 0, 0, 0, 1, 1)


async def test_marks_count_distinct_partitions_of_an_epoch(world):
    for partition, epoch in ((0, 1), (1, 2), (2, 2), (2, 2)):
        await world.write(world.mark(ORDERS, partition=partition, epoch=epoch), partition=partition)

    assert [(book["epoch"], book["marks_seen"], book["distinct_ids"]) for book in await world.books()] == [
        (1, 1, 0),
        (2, 2, 0),
    ]


@pytest.mark.parametrize("batches", [1, 2])
async def test_record_that_failed_and_then_came_whole_is_counted_as_written(world, batches):
    """The ledger once kept the failure for good and said nothing of the row that was there."""
    bad = world.read(PRODUCTS, world.graphql_product(1, title=None), 9)
    good = world.read(PRODUCTS, world.graphql_product(1), 9)

    for batch in ([bad, good],) if batches == 1 else ([bad], [good], [bad]):
        await world.write(*batch)

    assert await counts(world) == (1, 0, 0, 0, 0, 1)
    assert await world.rows("SELECT outcome, field, reason FROM records.job_ledger") == [
        {"outcome": "created", "field": None, "reason": None}
    ]


async def test_record_of_a_store_that_is_not_the_advertisers_is_refused(world):
    stolen = world.read(ORDERS, world.graphql_order(100), 9, store_id=2, advertiser_id=10)

    (outcome,) = await world.write(stolen)

    assert isinstance(outcome, Rejected)
    assert await world.rows("SELECT FROM records.orders") == []


async def test_records_of_any_epoch_count_for_the_job(world):
    await world.write(world.read(PRODUCTS, world.graphql_product(1), 9, epoch=1))
    await world.write(world.read(PRODUCTS, world.graphql_product(1), 9, epoch=2))
    await world.write(world.read(PRODUCTS, world.graphql_product(2), 9, epoch=2))

    books = await world.books()
    assert [(book["epoch"], int(book["distinct_ids"])) for book in books] == [(1, 2), (2, 2)]
