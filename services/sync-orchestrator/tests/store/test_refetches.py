"""Records to read again: collected, claimed by one, forgotten only when the answer is to the latest wish."""

from datetime import timedelta
from typing import Any

import pytest

from sync_common.contracts.resources import Resource
from sync_orchestrator.store import refetches

SHOP = "acme.myshopify.com"


@pytest.fixture
def want(database: Any) -> Any:
    async def want(
        *ids: str, delay: float = 0, shop: str = SHOP, resource: Resource = Resource.ORDERS
    ) -> None:
        async with database.transaction() as tx:
            await refetches.want(
                tx,
                shop_domain=shop,
                resource=resource,
                record_ids=ids,
                reason="tie",
                delay=timedelta(seconds=delay),
            )

    return want


@pytest.fixture
def claim(database: Any) -> Any:
    async def claim(records_max: int = 250) -> refetches.Refetch | None:
        async with database.transaction() as tx:
            return await refetches.claim(tx, owner="a", lease_seconds=60, records_max=records_max)

    return claim


@pytest.fixture
def postpone(database: Any) -> Any:
    async def postpone(claimed: refetches.Refetch) -> None:
        async with database.transaction() as tx:
            await refetches.postpone(
                tx,
                claimed,
                delay=timedelta(seconds=10),
                delay_max=timedelta(minutes=1),
                attempts_max=None,
            )

    return postpone


async def test_records_of_one_shop_are_read_together(want: Any, claim: Any) -> None:
    await want("1", "2")
    await want("2", "3")
    await want("9", shop="other.myshopify.com")

    first, second = await claim(), await claim()

    assert {tuple(sorted(one.record_ids)) for one in (first, second)} == {("1", "2", "3"), ("9",)}
    assert await claim() is None


async def test_nothing_is_read_before_the_delay_is_over(want: Any, claim: Any) -> None:
    await want("1", delay=60)

    assert await claim() is None


async def test_one_request_takes_no_more_than_its_limit(want: Any, claim: Any) -> None:
    await want(*[str(number) for number in range(5)])

    claimed = [await claim(records_max=3), await claim(records_max=3)]

    assert [len(one.record_ids) for one in claimed] == [3, 2]


async def test_record_asked_for_again_during_the_read_is_read_again(
    want: Any, claim: Any, database: Any
) -> None:
    await want("1", "2")
    claimed = await claim()
    await want("2")

    async with database.transaction() as tx:
        await refetches.settle(tx, claimed)

    again = await claim()
    assert again.record_ids == ["2"]


async def test_failed_read_comes_back_later_and_is_given_up_in_the_end(
    want: Any, claim: Any, database: Any, admin: Any
) -> None:
    await want("1")
    given_up = []
    for _ in range(2):
        admin.execute("UPDATE sync.refetch_queue SET due_at = now()")
        claimed = await claim()
        async with database.transaction() as tx:
            given_up.append(
                await refetches.postpone(
                    tx,
                    claimed,
                    delay=timedelta(seconds=10),
                    delay_max=timedelta(minutes=1),
                    attempts_max=2,
                )
            )

    assert given_up == [0, 1]
    assert admin.execute("SELECT * FROM sync.refetch_queue").fetchall() == []


async def test_new_wish_leaves_alone_what_waits_after_a_failed_read(
    want: Any, claim: Any, postpone: Any
) -> None:
    """Each new hint of a shop dragged its postponed records along: a short outage used up all their tries."""
    await want("1")
    await postpone(await claim())
    await want("2")

    assert (await claim()).record_ids == ["2"]


async def test_outage_uses_up_no_tries_and_its_pauses_have_a_limit(
    want: Any, claim: Any, postpone: Any, admin: Any
) -> None:
    await want("1")

    for _ in range(12):
        admin.execute("UPDATE sync.refetch_queue SET due_at = now()")
        await postpone(await claim())

    waits = admin.execute("SELECT due_at - now() < interval '62 seconds' AS soon FROM sync.refetch_queue")
    assert [row["soon"] for row in waits.fetchall()] == [True]


async def test_record_asked_for_anew_after_a_failed_read_is_read_at_once(
    want: Any, claim: Any, postpone: Any
) -> None:
    await want("1")
    await postpone(await claim())
    await want("1")

    assert (await claim()).record_ids == ["1"]


async def test_claim_of_a_dead_replica_runs_out(want: Any, claim: Any, admin: Any) -> None:
    await want("1")
    await claim()
    admin.execute("UPDATE sync.refetch_queue SET lease_expires_at = now() - interval '1 second'")

    assert (await claim()).record_ids == ["1"]
