"""Jobs on a real database: one active per store, one holder per job, one ending per job."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sync_common.contracts.events.lifecycle import JobType, ResourceCounts, TriggeredBy
from sync_common.contracts.resources import Resource
from sync_common.db import Database
from sync_orchestrator import transitions
from sync_orchestrator.domain.jobs import JobStatus
from sync_orchestrator.domain.model import Job, JobWish
from sync_orchestrator.errors import LeaseLost
from sync_orchestrator.store import jobs, parts, stores
from sync_orchestrator.transitions import Problem

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
COUNTS = ResourceCounts(created=3)


async def started(store: Any, owner: str = "replica-a") -> Job:
    job: Job = await store.claim(owner)
    async with store.database.transaction() as tx:
        await transitions.start(tx, job, now=NOW)
    return job


async def finish_parts(database: Database, job: Job) -> None:
    for resource in Resource:
        async with database.transaction() as tx:
            began_at = await parts.begin(tx, job, resource)
            await parts.note_basis(tx, job, resource, basis_at=began_at, observed_at=began_at)
            await parts.publish(tx, job, resource, published=3, read_count=3)
            await parts.close(tx, job, resource, COUNTS)


def window(store: Any) -> dict[str, datetime | None]:
    """Return which orders the store's one job reads."""
    found: dict[str, datetime | None] = store.row(
        "SELECT created_since, created_until FROM sync.sync_job_parts WHERE resource = 'orders'"
    )
    return found


async def test_second_wish_returns_the_running_job(store: Any) -> None:
    first = await store.want()
    await store.claim()

    second = await store.want()

    assert first is not None
    assert second is not None
    assert (second[0].job_id, second[1]) == (first[0].job_id, False)


async def test_concurrent_wishes_make_one_job(store: Any) -> None:
    answers = await asyncio.gather(*(store.want() for _ in range(8)))

    assert sum(is_new for _, is_new in answers) == 1
    assert len({job.job_id for job, _ in answers}) == 1


async def test_backfill_has_a_slot_of_its_own(store: Any) -> None:
    await store.want(JobType.FULL_SYNC)

    backfill = await store.want(JobType.BACKFILL)

    assert backfill is not None
    assert backfill[1]


async def test_scheduled_run_gets_its_job_once(store: Any) -> None:
    job, _ = await store.want(triggered_by=TriggeredBy.SCHEDULE, schedule_slot="hourly/12")
    async with store.database.transaction() as tx:
        await jobs.cancel(tx, store.advertiser_id, store.store_id, message="", job_id=job.job_id)

    again = await store.want(triggered_by=TriggeredBy.SCHEDULE, schedule_slot="hourly/12")

    assert again is None


async def test_disconnected_store_gets_no_job(store: Any) -> None:
    store.admin.execute("UPDATE sync.store_state SET status = 'disconnected'")

    assert await store.want() is None


async def test_two_replicas_never_claim_the_same_job(store: Any) -> None:
    await store.want()

    async with store.database.transaction() as one, store.database.transaction() as two:
        first = await jobs.claim(one, owner="a", lease_seconds=30, jobs_max=10)
        second = await jobs.claim(two, owner="b", lease_seconds=30, jobs_max=10)

    assert [len(first), len(second)] == [1, 0]


async def test_job_that_is_not_due_waits(store: Any) -> None:
    job, _ = await store.want()
    store.admin.execute("UPDATE sync.sync_jobs SET due_at = now() + interval '5 minutes'")

    async with store.database.transaction() as tx:
        assert await jobs.claim(tx, owner="a", lease_seconds=30, jobs_max=10) == []
        await jobs.hasten(tx, job, JobWish(JobType.INCREMENTAL_SYNC, TriggeredBy.USER))

    assert (await store.claim()).job_id == job.job_id


async def test_orphan_is_taken_over_with_a_higher_epoch(store: Any) -> None:
    await store.want()
    first = await store.claim("a")
    store.expire_leases()

    second = await store.claim("b")

    assert (second.job_id, second.epoch) == (first.job_id, first.epoch + 1)
    assert second.started_at == first.started_at


async def test_released_job_is_claimed_at_once(store: Any) -> None:
    await store.want()
    first = await store.claim("a")
    async with store.database.transaction() as tx:
        await jobs.release(tx, first)

    second = await store.claim("b")

    assert second.epoch == first.epoch + 1


async def test_zombie_can_write_nothing(store: Any) -> None:
    await store.want()
    zombie = await started(store, "a")
    async with store.database.transaction() as tx:
        await parts.begin(tx, zombie, Resource.CUSTOMERS)
    store.expire_leases()
    await store.claim("b")

    async def write(step: Any) -> None:
        async with store.database.transaction() as tx:
            await step(tx)

    for step in (
        lambda tx: parts.begin(tx, zombie, Resource.ORDERS),
        lambda tx: parts.checkpoint(tx, zombie, Resource.CUSTOMERS, cursor="c", published=1),
        lambda tx: parts.publish(tx, zombie, Resource.CUSTOMERS, published=1, read_count=1),
        lambda tx: parts.note_books(tx, zombie, Resource.CUSTOMERS, COUNTS),
        lambda tx: transitions.complete(tx, zombie, now=NOW),
        lambda tx: transitions.abandon(tx, zombie, now=NOW),
        lambda tx: transitions.fail(tx, zombie, Problem("internal", "no", True), now=NOW),
    ):
        with pytest.raises(LeaseLost):
            await write(step)
    async with store.database.transaction() as tx:
        await jobs.release(tx, zombie)
        await jobs.note_throttled(tx, zombie, timedelta(seconds=9))
        assert await jobs.renew(tx, [zombie], lease_seconds=30) == set()
        assert await jobs.still_held(tx, [zombie]) == set()
    row = store.row("SELECT * FROM sync.sync_jobs")
    assert (row["lease_owner"], row["throttled_until"]) == ("b", None)
    part = store.row("SELECT * FROM sync.sync_job_parts WHERE resource = 'customers'")
    assert (part["state"], part["cursor"]) == ("running", None)


async def test_first_claim_plans_the_parts_and_tells_of_the_start(store: Any) -> None:
    await store.want()

    job = await started(store)

    assert job.started_at is not None
    assert window(store) == {"created_since": job.started_at - timedelta(days=60), "created_until": None}
    assert [p["mode"] for p in store.rows("SELECT mode FROM sync.sync_job_parts")] == ["bulk"] * 3
    assert store.row("SELECT status FROM sync.store_state_v1")["status"] == "syncing"
    assert store.events() == ["sync.started"]


async def test_starting_again_after_a_take_over_keeps_the_plan(store: Any) -> None:
    await store.want()
    await started(store, "a")
    planned = window(store)
    store.expire_leases()

    await started(store, "b")

    assert window(store) == planned
    assert store.events() == ["sync.started"]


async def test_completion_changes_job_store_watermarks_and_outbox_together(store: Any) -> None:
    await store.want()
    job = await started(store)
    await finish_parts(store.database, job)

    async with store.database.transaction() as tx:
        await transitions.complete(tx, job, now=NOW)

    state = store.row("SELECT * FROM sync.store_state_v1")
    assert (state["status"], state["last_sync_status"]) == ("connected", "success")
    assert state["initial_sync_completed"]
    view = store.row("SELECT * FROM sync.jobs_v1")
    assert view["status"] == "completed"
    assert view["records_created"] == {"customers": 3, "orders": 3, "products": 3}
    assert {part["state"] for part in view["parts"]} == {"done"}
    reached = store.rows("SELECT reached_at FROM sync.watermarks")
    assert len(reached) == 3
    assert all(row["reached_at"] <= view["started_at"] - timedelta(minutes=9) for row in reached)
    assert store.events() == ["sync.started", "sync.completed"]
    check = store.row("SELECT * FROM sync.checks")
    assert (check["state"], check["reason"], check["job_id"]) == ("waiting", "full_sync", job.job_id)


async def test_job_with_an_open_part_cannot_complete(store: Any) -> None:
    await store.want()
    job = await started(store)
    await finish_parts(store.database, job)
    store.admin.execute("UPDATE sync.sync_job_parts SET state = 'published' WHERE resource = 'orders'")

    with pytest.raises(LeaseLost):
        async with store.database.transaction() as tx:
            await transitions.complete(tx, job, now=NOW)

    assert store.row("SELECT status FROM sync.sync_jobs")["status"] == "running"


async def test_second_completion_does_not_claim_to_be_the_first(store: Any) -> None:
    for _ in range(2):
        await store.want()
        job = await started(store)
        await finish_parts(store.database, job)
        async with store.database.transaction() as tx:
            await transitions.complete(tx, job, now=NOW)

    bodies = store.rows(
        "SELECT body::jsonb ->> 'is_first_sync' AS first FROM sync.outbox"
        " WHERE headers ->> 'ce_type' = 'sync.completed' ORDER BY id"
    )
    assert [row["first"] for row in bodies] == ["true", "false"]


async def test_completion_and_cancellation_have_one_winner(store: Any) -> None:
    await store.want()
    job = await started(store)
    await finish_parts(store.database, job)

    async def complete() -> bool:
        try:
            async with store.database.transaction() as tx:
                await transitions.complete(tx, job, now=NOW)
        except LeaseLost:
            return False
        return True

    async def cancel() -> bool:
        async with store.database.transaction() as tx:
            return await transitions.cancel(tx, store.advertiser_id, store.store_id, "user", now=NOW) == 1

    completed, cancelled = await asyncio.gather(complete(), cancel())

    assert completed != cancelled
    ended = "sync.completed" if completed else "sync.cancelled"
    assert store.events() == ["sync.started", ended]
    assert store.row("SELECT status FROM sync.sync_jobs")["status"] == ended.removeprefix("sync.")


async def test_failure_plans_a_retry_and_leaves_the_watermark(store: Any) -> None:
    await store.want()
    job = await started(store)

    async with store.database.transaction() as tx:
        delay = await transitions.fail(tx, job, Problem("bulk_failed", "No.", True), now=NOW)

    assert delay == timedelta(minutes=5)
    retry = store.row("SELECT * FROM sync.sync_jobs WHERE status = 'pending'")
    assert (retry["attempt"], retry["retry_of_job_id"]) == (1, job.job_id)
    assert store.rows("SELECT * FROM sync.watermarks") == []
    state = store.row("SELECT * FROM sync.store_state_v1")
    assert (state["status"], state["last_sync_status"], state["last_sync_error"]) == (
        "connected",
        "failed",
        "No.",
    )
    assert store.events() == ["sync.started", "sync.failed"]


async def test_fourth_failure_is_the_end(store: Any) -> None:
    for attempt in range(4):
        await store.want(attempt=attempt)
        store.admin.execute("UPDATE sync.sync_jobs SET due_at = now() WHERE status = 'pending'")
        job = await started(store)
        async with store.database.transaction() as tx:
            await transitions.fail(tx, job, Problem("bulk_failed", "No.", True), now=NOW)

    assert store.events()[-1] == "sync.exhausted"
    assert store.row("SELECT status FROM sync.store_state_v1")["status"] == "error"
    assert store.rows("SELECT * FROM sync.sync_jobs WHERE status IN ('pending', 'running')") == []


async def test_failed_records_make_the_sync_partial(store: Any) -> None:
    await store.want()
    job = await started(store)
    await finish_parts(store.database, job)
    store.admin.execute("UPDATE sync.sync_job_parts SET failed = 1, created = 2 WHERE resource = 'orders'")

    async with store.database.transaction() as tx:
        await transitions.complete(tx, job, now=NOW)

    assert store.row("SELECT last_sync_status FROM sync.store_state_v1")["last_sync_status"] == "partial"
    moved = {row["resource"] for row in store.rows("SELECT resource FROM sync.watermarks")}
    assert moved == {"customers", "products"}, "what could not be stored is read again by the next sync"


async def test_watermark_never_goes_back(store: Any) -> None:
    job, _ = await store.want()
    later, earlier = NOW, NOW - timedelta(hours=1)

    async with store.database.transaction() as tx:
        for reached_at in (later, earlier):
            await stores.advance_watermark(tx, job, Resource.ORDERS, reached_at)
        reached = await stores.watermarks_of(tx, store.advertiser_id, store.store_id)

    assert reached == {Resource.ORDERS: later}


async def test_cancelled_pending_job_never_ran(store: Any) -> None:
    job, _ = await store.want()

    async with store.database.transaction() as tx:
        (cancelled,) = await jobs.cancel(tx, store.advertiser_id, store.store_id, message="No.")

    assert (cancelled.job_id, cancelled.status) == (job.job_id, JobStatus.CANCELLED)
    assert store.row("SELECT actual_duration FROM sync.sync_jobs")["actual_duration"] is None


async def test_change_noticed_during_a_job_is_synced_after_it(store: Any) -> None:
    await store.want()
    job = await started(store)
    async with store.database.transaction() as tx:
        await jobs.follow_up(tx, job)
    await finish_parts(store.database, job)

    async with store.database.transaction() as tx:
        await transitions.complete(tx, job, now=NOW)

    following = store.row("SELECT * FROM sync.sync_jobs WHERE status = 'pending'")
    assert (following["job_type"], following["triggered_by"]) == ("incremental_sync", "webhook")


async def test_parts_that_learn_their_totals_together_make_one_estimate(store: Any) -> None:
    await store.want()
    job = await started(store)

    async def learn(resource: Resource) -> None:
        async with store.database.transaction() as tx:
            await parts.note_total(tx, job, resource, 2_000)
        async with store.database.transaction() as tx:
            await jobs.hold(tx, job, alone=True)
            await jobs.note_estimate(tx, job, await parts.total_of(tx, job))

    await asyncio.gather(*(learn(resource) for resource in Resource))

    assert store.row("SELECT estimated_duration FROM sync.sync_jobs")["estimated_duration"] == 6_000


async def test_known_speed_of_a_store_is_remembered_for_its_next_job(store: Any) -> None:
    await store.want()
    job = await started(store)
    await finish_parts(store.database, job)
    async with store.database.transaction() as tx:
        await transitions.complete(tx, job, now=NOW)
    store.admin.execute("UPDATE sync.sync_jobs SET actual_duration = 2")

    following, _ = await store.want()

    assert following.records_per_minute == 9 * 60 / 2


async def test_person_who_retries_starts_the_ladder_anew(store: Any) -> None:
    await store.want(triggered_by=TriggeredBy.SCHEDULE, attempt=2)
    (waiting, _) = await store.want()

    async with store.database.transaction() as tx:
        await jobs.hasten(tx, waiting, JobWish(JobType.INCREMENTAL_SYNC, TriggeredBy.USER, 3))

    row = store.row("SELECT * FROM sync.sync_jobs")
    assert (row["attempt"], row["triggered_by"], row["triggered_by_user_id"]) == (0, "user", 3)


async def test_schedule_that_hastens_a_retry_leaves_its_failures_counted(store: Any) -> None:
    await store.want(triggered_by=TriggeredBy.SCHEDULE, attempt=2)
    (waiting, _) = await store.want()

    async with store.database.transaction() as tx:
        await jobs.hasten(tx, waiting, JobWish(JobType.INCREMENTAL_SYNC, TriggeredBy.WEBHOOK))

    row = store.row("SELECT * FROM sync.sync_jobs")
    assert (row["attempt"], row["triggered_by"]) == (2, "schedule")


async def test_store_whose_retry_a_person_cancels_is_on_schedule_again(store: Any) -> None:
    store.admin.execute("UPDATE sync.store_state SET status = 'error', scheduled_frequency = 'hourly'")
    await store.want()
    await started(store)

    async with store.database.transaction() as tx:
        await transitions.cancel(tx, store.advertiser_id, store.store_id, "user", now=NOW)

    state = store.row("SELECT status, scheduled_frequency FROM sync.store_state")
    assert state == {"status": "connected", "scheduled_frequency": None}, "to be planned anew"


async def test_waiting_for_shopify_makes_the_job_longer_once(store: Any) -> None:
    await store.want()
    job = await started(store)
    async with store.database.transaction() as tx:
        await jobs.note_estimate(tx, job, 100)

    for _ in range(3):
        async with store.database.transaction() as tx:
            await jobs.note_throttled(tx, job, timedelta(seconds=40))

    estimated = store.row("SELECT estimated_duration FROM sync.sync_jobs")["estimated_duration"]
    assert 140 <= estimated <= 143, "the same wait told three times is one wait"


async def backfilled(store: Any, *, reached: str) -> datetime:
    """Read the order history of a store whose syncs have come so far; return when that began."""
    store.grant("read_customers", "read_orders", "read_products", "read_all_orders")
    store.admin.execute(
        f"INSERT INTO sync.watermarks SELECT 11, 17, resource, now() + interval '{reached}', 1"
        " FROM unnest(ARRAY['customers', 'orders']) AS resource;"
        "UPDATE sync.store_state SET initial_sync_completed = true"
    )
    await store.want(JobType.BACKFILL)
    job = await started(store)
    async with store.database.transaction() as tx:
        began_at = await parts.begin(tx, job, Resource.ORDERS)
        await parts.note_basis(tx, job, Resource.ORDERS, basis_at=began_at, observed_at=began_at)
        await parts.publish(tx, job, Resource.ORDERS, published=3, read_count=3)
        await parts.close(tx, job, Resource.ORDERS, COUNTS)
        await transitions.complete(tx, job, now=NOW)
    return began_at


async def test_backfill_leaves_a_watermark_that_is_behind_it(store: Any) -> None:
    """It has not read the recent orders: what changed among them since is for the next sync."""
    began_at = await backfilled(store, reached="-5 hours")

    row = store.row("SELECT reached_at FROM sync.watermarks WHERE resource = 'orders'")
    assert row["reached_at"] < began_at - timedelta(hours=4)


async def test_backfill_ends_the_window_and_rewinds_the_orders_alone(store: Any) -> None:
    began_at = await backfilled(store, reached="1 hour")

    assert store.row("SELECT orders_complete FROM sync.store_state_v1")["orders_complete"]
    reached = {row["resource"]: row["reached_at"] for row in store.rows("SELECT * FROM sync.watermarks")}
    assert reached["orders"] == began_at - timedelta(minutes=10)
    assert reached["customers"] > began_at
    assert store.row("SELECT reason FROM sync.checks")["reason"] == "backfill"

    await store.want(JobType.FULL_SYNC)
    await started(store)
    following = store.row(
        "SELECT created_since FROM sync.sync_job_parts WHERE resource = 'orders' AND state = 'waiting'"
    )
    assert following["created_since"] is None


async def test_first_sync_of_a_store_with_full_access_is_followed_by_its_history(store: Any) -> None:
    store.grant("read_customers", "read_orders", "read_products", "read_all_orders")
    await store.want()
    job = await started(store)
    await finish_parts(store.database, job)

    async with store.database.transaction() as tx:
        await transitions.complete(tx, job, now=NOW)

    following = store.row("SELECT * FROM sync.sync_jobs WHERE status = 'pending'")
    assert (following["job_type"], following["triggered_by"]) == ("backfill", "system")
    assert store.row("SELECT status FROM sync.store_state")["status"] == "connected"


async def test_history_that_may_not_be_read_any_more_is_no_longer_complete(store: Any) -> None:
    store.grant("read_customers", "read_orders", "read_products")
    store.admin.execute("UPDATE sync.store_state SET orders_complete = true")
    await store.want()

    job = await started(store)

    assert not store.row("SELECT orders_complete FROM sync.store_state")["orders_complete"]
    assert job.started_at is not None
    assert window(store)["created_since"] == job.started_at - timedelta(days=60)
