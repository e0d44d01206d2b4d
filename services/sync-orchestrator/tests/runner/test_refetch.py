"""Reads by id: what is found and what is gone both go out on the live lane."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from sync_common.contracts.records import RawRecord, RecordType
from sync_common.contracts.resources import Resource
from sync_orchestrator.runner.refetch import Refetcher
from sync_orchestrator.store import refetches

OBSERVED = "2026-11-22T12:00:00Z"


@pytest.fixture
async def live(rig: Any, on_live_lane: Any) -> Any:
    """Return the records of this test's shop on the live topic of orders."""
    seen: list[RawRecord] = []
    async with on_live_lane(Resource.ORDERS, seen.append):
        yield seen


@asynccontextmanager
async def refetching(tools: Any) -> Any:
    stop = asyncio.Event()
    task = asyncio.create_task(Refetcher(tools, interval_seconds=0.02).run(stop))
    yield
    stop.set()
    await task


async def want(store: Any, *ids: str) -> None:
    async with store.database.transaction() as tx:
        await refetches.want(
            tx,
            shop_domain=store.shop_domain,
            resource=Resource.ORDERS,
            record_ids=ids,
            reason="partial",
            delay=timedelta(),
        )


def queue(store: Any) -> Any:
    return store.rows("SELECT * FROM sync.refetch_queue")


async def test_found_and_gone_records_are_published_and_unseen_ones_are_not(rig: Any, live: Any) -> None:
    rig.fetcher.nodes = {
        "observed_at": OBSERVED,
        "records": [{"id": "1", "body": {"id": "gid://shopify/Order/1"}}],
        "gone": ["2"],
        "unseen": ["3"],
    }
    await want(rig.store, "1", "2", "3")

    async with refetching(rig.tools):
        await rig.until(lambda: len(live) == 2)
        await rig.until(lambda: not queue(rig.store))

    by_id = {record.record_id: record for record in live}
    assert rig.fetcher.node_requests == [["1", "2", "3"]]
    assert (by_id["1"].type, by_id["1"].body) == (RecordType.FETCHED, b'{"id":"gid://shopify/Order/1"}')
    assert by_id["2"].type is RecordType.GONE
    assert {record.store_id for record in live} == {None}
    assert {record.observed_at.isoformat() for record in live} == {"2026-11-22T12:00:00+00:00"}


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, {"unexpected": True}),
        (503, {}),
        (404, {"detail": "Not Found"}),
        (409, {"code": "x", "retryable": True}),
    ],
)
async def test_outage_leaves_the_records_for_later(rig: Any, status: int, answer: dict[str, Any]) -> None:
    rig.fetcher.nodes, rig.fetcher.nodes_status = answer, status
    await want(rig.store, "1")

    async with refetching(rig.tools):
        await rig.until(lambda: queue(rig.store)[0]["attempt"] == 1)

    assert queue(rig.store)[0]["lease_owner"] is None


async def test_refusal_by_name_is_final(rig: Any) -> None:
    rig.fetcher.nodes, rig.fetcher.nodes_status = {"code": "token_refused", "message": "No."}, 409
    await want(rig.store, "1")

    async with refetching(rig.tools):
        await rig.until(lambda: not queue(rig.store))

    assert rig.fetcher.node_requests == [["1"]]


async def test_records_of_a_disconnected_shop_are_forgotten(rig: Any) -> None:
    rig.store.admin.execute("UPDATE sync.store_state SET status = 'disconnected'")
    await want(rig.store, "1")

    async with refetching(rig.tools):
        await rig.until(lambda: not queue(rig.store))

    assert rig.fetcher.node_requests == []
