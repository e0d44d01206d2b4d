"""A job from its claim to its end, over real HTTP and a real broker."""

import asyncio
from dataclasses import replace

import pytest

from sync_common.contracts.events.lifecycle import JobType, TriggeredBy
from sync_common.contracts.resources import Resource
from sync_common.contracts.topics import sync_topic

ENDED = ("completed", "failed", "cancelled")


@pytest.fixture
def job_row(store):
    return lambda: store.rows("SELECT * FROM sync.jobs_v1 ORDER BY job_id")[0]


@pytest.fixture
def ended(job_row, script):
    async def wait() -> dict:
        await script.until(lambda: job_row()["status"] in ENDED)
        return job_row()

    return wait


def statuses(row) -> dict[str, str]:
    return {part["resource"]: part["state"] for part in row["parts"]}


async def test_full_sync_publishes_everything_and_completes(
    store, fetcher, writer, tools, replica, script, ended
):
    fetcher.play(Resource.CUSTOMERS, script.whole(20))
    fetcher.play(Resource.ORDERS, script.whole(30))
    fetcher.play(Resource.PRODUCTS, script.whole(10))
    await store.want()

    async with replica(tools):
        row = await ended()

    assert (row["status"], row["error_message"]) == ("completed", None)
    assert row["records_created"] == {"customers": 20, "orders": 30, "products": 10}
    assert row["estimated_duration"] == 4
    assert {query["mode"] for queries in fetcher.requests.values() for query in queries} == {"bulk"}
    assert "created_since" in fetcher.requests[Resource.ORDERS][0]
    assert "created_since" not in fetcher.requests[Resource.CUSTOMERS][0]
    assert len(store.rows("SELECT * FROM sync.watermarks")) == 3
    assert store.events() == ["sync.started", "sync.completed"]


async def test_records_carry_the_body_untouched_and_everything_else_in_headers(
    store, fetcher, writer, tools, replica, script, ended
):
    body = b'{"id":"gid://shopify/Order/7",  "total": 1.10, "note":"\\u00e9"}'
    record = b'{"type":"record","id":"7","observed_at":"2026-11-22T12:00:00Z","body":' + body + b"}\n"
    fetcher.play(Resource.ORDERS, [record, script.line("done", count=1, objects=1)])
    await store.want()

    async with replica(tools):
        row = await ended()

    (published,) = writer.records
    assert published.body == body
    assert (published.resource, published.record_id, published.shop) == (
        Resource.ORDERS,
        "7",
        store.shop_domain,
    )
    assert (published.job_id, published.epoch) == (row["job_id"], 1)
    assert (published.store_id, published.advertiser_id) == (store.store_id, store.advertiser_id)


async def test_marks_reach_every_partition(store, fetcher, writer, tools, replica, ended):
    await store.want()

    async with replica(tools):
        await ended()

    partitions = await tools.producer.partitions(sync_topic(Resource.ORDERS))
    assert dict(writer.marks) == {resource: set(range(partitions)) for resource in Resource}


async def test_cut_stream_resumes_after_the_last_acknowledged_page(
    store, fetcher, writer, tools, replica, script, ended
):
    fetcher.play(
        Resource.ORDERS,
        [
            script.line("total", count=30),
            *script.page(1, 10, "after-10"),
            *script.page(11, 5, "after-15"),
            script.CUT,
        ],
        [*script.page(16, 15, "after-30"), script.line("done", count=30, objects=30)],
    )
    await store.want()

    async with replica(tools):
        row = await ended()

    assert row["status"] == "completed"
    assert [query.get("cursor") for query in fetcher.requests[Resource.ORDERS]] == [None, "after-15"]
    assert row["records_created"]["orders"] == 30


async def test_repeated_records_are_counted_once(store, fetcher, writer, tools, replica, script, ended):
    fetcher.play(
        Resource.ORDERS,
        [*script.page(1, 10, "after-10"), *script.page(11, 5, "x")[:-1], script.CUT],
        [*script.page(11, 10, "after-20"), script.line("done", count=20, objects=20)],
    )
    await store.want()

    async with replica(tools):
        row = await ended()

    assert (row["status"], row["records_processed"]["orders"]) == ("completed", 20)


async def test_stream_that_keeps_breaking_off_fails_the_job_and_plans_a_retry(
    store, fetcher, writer, tools, replica, script, ended
):
    fetcher.play(Resource.PRODUCTS, [script.line("total", count=5), script.CUT])
    await store.want()

    async with replica(tools):
        row = await ended()

    assert (row["status"], row["error_code"]) == ("failed", "stream_cut")
    assert len(fetcher.requests[Resource.PRODUCTS]) == tools.limits.cuts_max + 1
    assert statuses(row)["products"] == "failed"
    assert store.row("SELECT attempt FROM sync.sync_jobs WHERE status = 'pending'")["attempt"] == 1


async def test_job_never_completes_while_the_books_are_short(
    store, fetcher, writer, tools, replica, script, ended
):
    fetcher.play(Resource.ORDERS, script.whole(12))
    writer.loses = {"5"}
    await store.want()

    async with replica(tools):
        row = await ended()

    assert (row["status"], row["error_code"]) == ("failed", "books_mismatch")
    assert row["error_details"] == {"resource": "orders", "expected": 12, "accounted": 11}
    assert store.rows("SELECT * FROM sync.watermarks") == []


async def test_job_waits_for_a_slow_writer(store, fetcher, writer, tools, replica, script, job_row, ended):
    writer.gate.clear()
    fetcher.play(Resource.ORDERS, script.whole(5))
    await store.want()

    async with replica(tools):
        await script.until(lambda: set(statuses(job_row()).values()) == {"published"})
        assert job_row()["status"] == "running"
        writer.gate.set()
        row = await ended()

    assert row["status"] == "completed"


async def test_throttling_is_shown_and_is_no_failure(
    store, fetcher, writer, tools, replica, script, job_row, ended
):
    held = asyncio.Event()
    fetcher.play(Resource.CUSTOMERS, [script.line("throttled", resume_in=40), held, *script.whole(3)])
    await store.want()

    async with replica(tools):
        await script.until(lambda: job_row()["throttled_until"])
        held.set()
        row = await ended()

    assert (row["status"], row["attempt"]) == ("completed", 0)


async def test_refused_token_cancels_the_job_without_a_failure(
    store, fetcher, writer, tools, replica, script, ended
):
    refused = script.line("failed", code="token_refused", message="The token is dead.", retryable=False)
    fetcher.play(Resource.ORDERS, [refused])
    await store.want()

    async with replica(tools):
        row = await ended()

    assert row["status"] == "cancelled"
    assert store.events() == ["sync.started", "sync.cancelled"]
    assert store.rows("SELECT * FROM sync.sync_jobs WHERE status = 'pending'") == []


async def test_failure_that_cannot_be_retried_is_the_end(
    store, fetcher, writer, tools, replica, script, ended
):
    denied = script.line("failed", code="access_denied", message="A scope is missing.", retryable=False)
    fetcher.play(Resource.ORDERS, [denied])
    await store.want()

    async with replica(tools):
        row = await ended()

    assert (row["status"], row["error_message"]) == ("failed", "A scope is missing.")
    assert store.events()[-1] == "sync.exhausted"


async def test_stopped_replica_hands_its_job_to_another_at_once(
    store, fetcher, writer, tools, replica, script, job_row, ended
):
    held = asyncio.Event()
    fetcher.play(
        Resource.ORDERS,
        [*script.page(1, 10, "after-10"), held],
        [*script.page(11, 10, "after-20"), script.line("done", count=20, objects=20)],
    )
    await store.want()
    async with replica(tools):
        await script.until(lambda: job_row()["parts"] and job_row()["parts"][1]["published"] == 10)
    held.set()
    assert store.row("SELECT lease_owner FROM sync.sync_jobs")["lease_owner"] is None

    async with replica(replace(tools, owner="replica-b")):
        row = await ended()

    assert (row["status"], row["epoch"]) == ("completed", 2)
    assert [query.get("cursor") for query in fetcher.requests[Resource.ORDERS]] == [None, "after-10"]


async def test_cancelled_job_stops_reading(store, fetcher, writer, tools, replica, script, job_row):
    held = asyncio.Event()
    fetcher.play(Resource.ORDERS, [*script.page(1, 5, "after-5"), held])
    await store.want()

    async with replica(tools) as runner:
        await script.until(lambda: job_row()["parts"] and job_row()["parts"][1]["published"] == 5)
        store.admin.execute("UPDATE sync.sync_jobs SET status = 'cancelled', completed_at = now()")
        await script.until(lambda: not runner.held)
        held.set()

    assert store.events() == ["sync.started"]


async def test_incremental_sync_reads_pages_from_the_watermark(
    store, fetcher, writer, tools, replica, script, ended
):
    store.admin.execute(
        "INSERT INTO sync.watermarks SELECT 11, 17, resource, '2026-11-22T10:00:00Z', 1"
        " FROM unnest(ARRAY['customers', 'orders', 'products']) AS resource"
    )
    store.admin.execute("UPDATE sync.store_state SET initial_sync_completed = true")
    fetcher.play(Resource.ORDERS, script.whole(3))
    await store.want(JobType.INCREMENTAL_SYNC, triggered_by=TriggeredBy.SCHEDULE)

    async with replica(tools):
        row = await ended()

    assert row["status"] == "completed"
    queries = [query for queries in fetcher.requests.values() for query in queries]
    assert {(query["mode"], query["lane"]) for query in queries} == {("paged", "incremental")}
    assert {query["updated_since"] for query in queries} == {"2026-11-22T10:00:00Z"}
