"""What is tidied up by the hour: closed jobs keep their counts without the ledger, deliveries stay few."""

import asyncio
from datetime import timedelta

from record_writer.store import books
from sync_common.contracts.resources import Resource

CUSTOMERS, ORDERS, PRODUCTS = Resource
AGED = {
    "job_ledger": (),
    "job_tallies": ("created_at",),
    "job_marks": ("created_at",),
    "job_foldings": ("closed_at",),
    "deliveries": ("received_at", "applied_at"),
    "delivery_digests": ("first_seen_at",),
}
LEFT = """
SELECT (SELECT count(*) FROM records.job_ledger) AS ledger, (SELECT count(*) FROM records.job_tallies) AS tallies,
       (SELECT count(*) FROM records.job_marks) AS marks, (SELECT count(*) FROM records.job_foldings) AS foldings
"""
NOTHING = {"ledger": 0, "tallies": 0, "marks": 0, "foldings": 0}


async def let_pass(world, **time):
    """Make everything that was noted so far so much older."""
    for table, columns in AGED.items():
        for column in columns:
            await world.execute(
                f"UPDATE records.{table} SET {column} = {column} - %(time)s", time=timedelta(**time)
            )


async def tidy(world):
    await world.upkeep().tidy(asyncio.Event())


async def close_and_fold(world):
    await let_pass(world, days=16)
    await tidy(world)
    await let_pass(world, hours=1)
    await tidy(world)


async def sync(world):
    """Write a job of two parts, taken over once, with every kind of outcome."""
    await world.write(world.webhook("products/delete", {"id": 3}, 50))
    for epoch in (1, 2):
        await world.write(
            *(world.read(PRODUCTS, world.graphql_product(n), 9, epoch=epoch) for n in (1, 2, 3))
        )
        await world.write(world.mark(PRODUCTS, partition=epoch, epoch=epoch), partition=epoch)
    await world.write(world.read(ORDERS, world.graphql_order(100, currencyCode=None), 9, epoch=2))
    await world.write(world.mark(CUSTOMERS))


async def test_folded_job_answers_as_before_without_its_ledger(world):
    await sync(world)
    before = await world.books()

    await let_pass(world, days=16)
    await tidy(world)
    closed = await world.books()
    await let_pass(world, hours=1)
    await tidy(world)

    assert [len(before), before[-1]["skipped"]] == [4, 1]
    assert closed == before == await world.books()
    assert await world.rows(LEFT) == [NOTHING]


async def test_record_and_mark_that_come_again_after_folding_change_no_count(world):
    """A redelivered record once had no ledger row to be recognised by, and was counted a second time."""
    await sync(world)
    before = await world.books()
    await close_and_fold(world)

    await sync(world)
    await world.write(world.read(PRODUCTS, world.graphql_product(9), 9))

    assert await world.row("products", 9)
    assert await world.books() == before
    assert await world.rows(LEFT) == [NOTHING]


async def test_other_jobs_go_on_when_one_is_folded(world):
    await sync(world)
    await close_and_fold(world)

    await world.write(
        *(
            world.read(PRODUCTS, world.graphql_product(n), 9, job_id=job_id)
            for n in (1, 2)
            for job_id in (5, 6)
        )
    )

    (book,) = await world.books(job_id=6)
    assert book["distinct_ids"] == 2


async def test_job_that_was_written_to_of_late_is_not_closed(world):
    await sync(world)
    await let_pass(world, days=16)
    await world.write(world.read(PRODUCTS, world.graphql_product(9), 9))

    await tidy(world)

    assert await world.rows("SELECT FROM records.job_books") == []
    assert len(await world.books()) == 4


async def test_batch_that_overlaps_the_closing_of_its_job_changes_no_count(world, database):
    await sync(world)
    before = await world.books()
    await let_pass(world, days=16)
    late = {books.Verdict(10, 1, 5, 2, "created"): {"late"}}

    async with database.transaction() as tx:
        await books.note_outcomes(tx, PRODUCTS, late)
        await tidy(world)
    await tidy(world)

    assert await world.books() == before
    assert (await world.rows(LEFT))[0]["foldings"] == 1
    await let_pass(world, hours=1)
    await tidy(world)
    assert await world.books() == before
    assert await world.rows(LEFT) == [NOTHING]


async def test_several_processes_fold_at_once(world):
    for job_id in range(1, 9):
        await world.write(*(world.read(PRODUCTS, world.graphql_product(n), 9, job_id=job_id) for n in (1, 2)))
    before = await world.books()
    await let_pass(world, days=16)

    await asyncio.gather(*(tidy(world) for _ in range(4)))
    await let_pass(world, hours=1)
    await asyncio.gather(*(tidy(world) for _ in range(4)))

    assert await world.books() == before
    assert len(before) == 8
    assert await world.rows(LEFT) == [NOTHING]


async def test_ledger_is_folded_in_small_steps(world, database):
    await world.write(*(world.read(PRODUCTS, world.graphql_product(n), 9) for n in range(5)))
    await world.write(*(world.read(ORDERS, world.graphql_order(100 + n), 9) for n in range(2)))
    await let_pass(world, days=16)
    async with database.transaction() as tx:
        assert await books.close_jobs(tx, quiet=timedelta(days=15), limit=1)

    sizes = []
    is_more_left = True
    while is_more_left:
        async with database.transaction() as tx:
            is_more_left = await books.fold_ledger(tx, unsettled=timedelta(0), limit=3)
        sizes.append((await world.rows(LEFT))[0]["ledger"])

    assert sizes == [4, 1, 0, 0, 0]
    assert await world.rows(LEFT) == [NOTHING]


async def deliver(world, number, observed, **shop):
    await world.write(
        world.webhook("products/update", world.rest_product(number, updated=observed), observed, **shop)
    )


async def test_last_deliveries_of_each_store_stay(world, database):
    for number in range(1, 6):
        await deliver(world, number, number)
    await deliver(world, 9, 1, shop="other.myshopify.com")

    async with database.transaction() as tx:
        assert await books.forget_surplus_deliveries(tx, kept=2, limit=100)
        assert not await books.forget_surplus_deliveries(tx, kept=2, limit=100)

    left = await world.rows(
        "SELECT store_id, received_at FROM records.deliveries ORDER BY store_id, received_at"
    )
    assert [(row["store_id"], row["received_at"]) for row in left] == [
        (1, world.at(4)),
        (1, world.at(5)),
        (2, world.at(4)),
        (2, world.at(5)),
        (3, world.at(1)),
    ]


async def test_no_delivery_stays_for_longer_than_thirty_days(world):
    await deliver(world, 1, 1)
    await let_pass(world, days=31)
    await deliver(world, 2, 2)

    await tidy(world)

    digests = await world.rows("SELECT digest FROM records.delivery_digests")
    assert await world.rows("SELECT digest FROM records.deliveries WHERE store_id = 1") == digests
    assert len(digests) == 1


async def test_tidying_gives_way_to_the_next_sweep_and_goes_on_after_it(world, monkeypatch):
    done = []

    async def slow(_):
        world.clock.advance(0.6)
        done.append("slow")
        return len(done) < 3

    async def last(_):
        done.append("last")
        return False

    monkeypatch.setattr("record_writer.upkeep.CHORES", (slow, last))
    upkeep = world.upkeep()

    turns = []
    for _ in range(3):
        await upkeep.tidy(asyncio.Event())
        turns.append(len(done))

    assert turns == [2, 4, 4]
    assert done == ["slow"] * 3 + ["last"]
