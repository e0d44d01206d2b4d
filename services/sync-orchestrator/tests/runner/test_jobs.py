"""A job from its claim to its end, over real HTTP and a real broker."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from sync_common.contracts.events.lifecycle import JobType, TriggeredBy
from sync_common.contracts.resources import Resource
from sync_common.contracts.topics import sync_topic
from sync_orchestrator import transitions

Rig = Any  # what the fixture `rig` returns, see conftest.py


def statuses(row: dict[str, Any]) -> dict[str, str]:
    return {part["resource"]: part["state"] for part in row["parts"]}


async def test_full_sync_publishes_everything_and_completes(rig: Rig) -> None:
    rig.fetcher.play(Resource.CUSTOMERS, rig.whole(20))
    rig.fetcher.play(Resource.ORDERS, rig.whole(30))
    rig.fetcher.play(Resource.PRODUCTS, rig.whole(10))
    await rig.store.want()

    async with rig.replica():
        row = await rig.ended()

    assert (row["status"], row["error_message"]) == ("completed", None)
    assert row["records_created"] == {"customers": 20, "orders": 30, "products": 10}
    assert row["estimated_duration"] == 4
    assert {query["mode"] for queries in rig.fetcher.requests.values() for query in queries} == {"bulk"}
    assert "created_since" in rig.fetcher.requests[Resource.ORDERS][0]
    assert "created_since" not in rig.fetcher.requests[Resource.CUSTOMERS][0]
    assert len(rig.store.rows("SELECT * FROM sync.watermarks")) == 3
    assert rig.store.events() == ["sync.started", "sync.completed"]


async def test_records_carry_the_body_untouched_and_everything_else_in_headers(rig: Rig) -> None:
    body = b'{"id":"gid://shopify/Order/7",  "total": 1.10, "note":"\\u00e9"}'
    record = b'{"type":"record","id":"7","observed_at":"2026-11-22T12:00:00Z","body":' + body + b"}\n"
    rig.fetcher.play(Resource.ORDERS, [record, rig.line("done", count=1, objects=1)])
    await rig.store.want()

    async with rig.replica():
        row = await rig.ended()

    (published,) = rig.writer.records
    assert published.body == body
    assert (published.resource, published.record_id, published.shop) == (
        Resource.ORDERS,
        "7",
        rig.store.shop_domain,
    )
    assert (published.job_id, published.epoch) == (row["job_id"], 1)
    assert (published.store_id, published.advertiser_id) == (rig.store.store_id, rig.store.advertiser_id)


async def test_marks_reach_every_partition(rig: Rig) -> None:
    await rig.store.want()

    async with rig.replica():
        await rig.ended()

    partitions = await rig.tools.producer.partitions(sync_topic(Resource.ORDERS))
    assert dict(rig.writer.marks) == {resource: set(range(partitions)) for resource in Resource}


async def test_cut_stream_resumes_after_the_last_acknowledged_page(rig: Rig) -> None:
    rig.fetcher.play(
        Resource.ORDERS,
        [
            rig.line("total", count=30),
            *rig.page(1, 10, "after-10"),
            *rig.page(11, 5, "after-15"),
            rig.CUT,
        ],
        [*rig.page(16, 15, "after-30"), rig.line("done", count=30, objects=30)],
    )
    await rig.store.want()

    async with rig.replica():
        row = await rig.ended()

    assert row["status"] == "completed"
    assert [query.get("cursor") for query in rig.fetcher.requests[Resource.ORDERS]] == [None, "after-15"]
    assert row["records_created"]["orders"] == 30


async def test_repeated_records_are_counted_once(rig: Rig) -> None:
    rig.fetcher.play(
        Resource.ORDERS,
        [*rig.page(1, 10, "after-10"), *rig.page(11, 5, "x")[:-1], rig.CUT],
        [*rig.page(11, 10, "after-20"), rig.line("done", count=20, objects=20)],
    )
    await rig.store.want()

    async with rig.replica():
        row = await rig.ended()

    assert (row["status"], row["records_processed"]["orders"]) == ("completed", 20)


async def test_stream_that_keeps_breaking_off_fails_the_job_and_plans_a_retry(rig: Rig) -> None:
    rig.fetcher.play(Resource.PRODUCTS, [rig.line("total", count=5), rig.CUT])
    await rig.store.want()

    async with rig.replica():
        row = await rig.ended()

    assert (row["status"], row["error_code"]) == ("failed", "stream_cut")
    assert len(rig.fetcher.requests[Resource.PRODUCTS]) == rig.tools.limits.cuts_max + 1
    assert statuses(row)["products"] == "failed"
    assert rig.store.row("SELECT attempt FROM sync.sync_jobs WHERE status = 'pending'")["attempt"] == 1


async def test_job_never_completes_while_the_books_are_short(rig: Rig) -> None:
    rig.fetcher.play(Resource.ORDERS, rig.whole(12))
    rig.writer.loses = {"5"}
    await rig.store.want()

    async with rig.replica():
        row = await rig.ended()

    assert (row["status"], row["error_code"]) == ("failed", "books_mismatch")
    assert row["error_details"] == {"resource": "orders", "expected": 12, "accounted": 11}
    assert rig.store.rows("SELECT * FROM sync.watermarks") == []


async def test_job_waits_for_a_slow_writer(rig: Rig) -> None:
    rig.writer.gate.clear()
    rig.fetcher.play(Resource.ORDERS, rig.whole(5))
    await rig.store.want()

    async with rig.replica():
        await rig.until(lambda: set(statuses(rig.job()).values()) == {"published"})
        assert rig.job()["status"] == "running"
        rig.writer.gate.set()
        row = await rig.ended()

    assert row["status"] == "completed"


async def test_throttling_is_shown_and_is_no_failure(rig: Rig) -> None:
    held = asyncio.Event()
    rig.fetcher.play(Resource.CUSTOMERS, [rig.line("throttled", resume_in=40), held, *rig.whole(3)])
    await rig.store.want()

    async with rig.replica():
        await rig.until(lambda: rig.job()["throttled_until"])
        held.set()
        row = await rig.ended()

    assert (row["status"], row["attempt"]) == ("completed", 0)


async def test_refused_token_cancels_the_job_without_a_failure(rig: Rig) -> None:
    refused = rig.line("failed", code="token_refused", message="The token is dead.", retryable=False)
    rig.fetcher.play(Resource.ORDERS, [refused])
    await rig.store.want()

    async with rig.replica():
        row = await rig.ended()

    assert row["status"] == "cancelled"
    assert rig.store.events() == ["sync.started", "sync.cancelled"]
    assert rig.store.rows("SELECT * FROM sync.sync_jobs WHERE status = 'pending'") == []


async def test_failure_that_cannot_be_retried_is_the_end(rig: Rig) -> None:
    denied = rig.line("failed", code="access_denied", message="A scope is missing.", retryable=False)
    rig.fetcher.play(Resource.ORDERS, [denied])
    await rig.store.want()

    async with rig.replica():
        row = await rig.ended()

    assert (row["status"], row["error_code"]) == ("failed", "access_denied")
    assert rig.store.events()[-1] == "sync.exhausted"


async def test_failure_is_told_in_words_and_keeps_what_the_fetcher_said(rig: Rig) -> None:
    """Merchants read "a page says that more follows, but not where" on their page and in their mail."""
    said = "a page says that more follows, but not where"
    rig.fetcher.play(Resource.ORDERS, [rig.line("failed", code="protocol", message=said, retryable=True)])
    await rig.store.want()

    async with rig.replica():
        row = await rig.ended()

    words = "Shopify's answer about the orders of this store was incomplete or could not be read."
    assert (row["error_message"], row["error_code"]) == (words, "protocol")
    assert row["error_details"] == {"resource": "orders", "said": said}


async def test_stopped_replica_hands_its_job_to_another_at_once(rig: Rig) -> None:
    held = asyncio.Event()
    rig.fetcher.play(
        Resource.ORDERS,
        [*rig.page(1, 10, "after-10"), held],
        [*rig.page(11, 10, "after-20"), rig.line("done", count=20, objects=20)],
    )
    await rig.store.want()
    async with rig.replica():
        await rig.until(lambda: rig.published(Resource.ORDERS) == 10)
    held.set()
    assert rig.store.row("SELECT lease_owner FROM sync.sync_jobs")["lease_owner"] is None

    async with rig.replica("replica-b"):
        row = await rig.ended()

    assert (row["status"], row["epoch"]) == ("completed", 2)
    assert [query.get("cursor") for query in rig.fetcher.requests[Resource.ORDERS]] == [None, "after-10"]


async def test_cancelled_job_stops_reading(rig: Rig) -> None:
    held = asyncio.Event()
    rig.fetcher.play(Resource.ORDERS, [*rig.page(1, 5, "after-5"), held])
    await rig.store.want()

    async with rig.replica() as runner:
        await rig.until(lambda: rig.published(Resource.ORDERS) == 5)
        async with rig.store.database.transaction() as tx:
            await transitions.cancel(
                tx, rig.store.advertiser_id, rig.store.store_id, "user", now=datetime.now(UTC)
            )
        await rig.until(lambda: not runner.held)
        held.set()

    assert rig.job()["status"] == "cancelled"
    assert rig.store.events() == ["sync.started", "sync.cancelled"]


async def test_incremental_sync_reads_pages_from_the_watermark(rig: Rig) -> None:
    rig.store.admin.execute(
        "INSERT INTO sync.watermarks SELECT 11, 17, resource, '2026-11-22T10:00:00Z', 1"
        " FROM unnest(ARRAY['customers', 'orders', 'products']) AS resource"
    )
    rig.store.admin.execute("UPDATE sync.store_state SET initial_sync_completed = true")
    rig.fetcher.play(Resource.ORDERS, rig.whole(3))
    await rig.store.want(JobType.INCREMENTAL_SYNC, triggered_by=TriggeredBy.SCHEDULE)

    async with rig.replica():
        row = await rig.ended()

    assert row["status"] == "completed"
    queries = [query for queries in rig.fetcher.requests.values() for query in queries]
    assert {(query["mode"], query["lane"]) for query in queries} == {("paged", "incremental")}
    assert {query["updated_since"] for query in queries} == {"2026-11-22T10:00:00Z"}


async def test_replica_that_cannot_renew_stops_by_its_own_deadline(rig: Rig) -> None:
    held = asyncio.Event()
    rig.fetcher.play(
        Resource.ORDERS,
        [*rig.page(1, 5, "after-5"), held, *rig.whole(5)],
        [*rig.page(6, 5, "after-10"), rig.line("done", count=10, objects=10)],
    )
    await rig.store.want()

    async with rig.replica(lease_seconds=1, heartbeat_seconds=3_600, jobs_max=1) as silent:
        await rig.until(lambda: rig.published(Resource.ORDERS) == 5)
        await rig.until(lambda: rig.job()["epoch"] == 2)
        await rig.until(lambda: silent.held == 1)
        held.set()
        row = await rig.ended()

    assert (row["status"], row["records_processed"]["orders"]) == ("completed", 10)
