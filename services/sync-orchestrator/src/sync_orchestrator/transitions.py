"""Steps of a job's life. Each is one transaction: the job, its store's state and the event that tells of it.

A step locks the store first and the job second; whoever ends a job first wins, all others learn that they lost.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from sync_common.contracts.events import SyncCancelled, SyncCompleted, SyncExhausted, SyncFailed, SyncStarted
from sync_common.contracts.events.lifecycle import JobType, TriggeredBy
from sync_common.contracts.resources import Resource
from sync_common.db import Transaction
from sync_orchestrator import metrics
from sync_orchestrator.domain import planning, retry, watermark
from sync_orchestrator.domain.checks import CheckReason
from sync_orchestrator.domain.jobs import JobSlot, JobStatus, PartState
from sync_orchestrator.domain.model import Job, JobWish, Part, StoreState
from sync_orchestrator.errors import LeaseLost
from sync_orchestrator.store import checks, events, jobs, parts, stores

CancelReason = Literal["user", "disconnected", "superseded"]

_CANCELLED: dict[CancelReason, str] = {
    "user": "Cancelled by a person.",
    "disconnected": "The store was disconnected.",
    "superseded": "Replaced by a newer job.",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a job fails; the message is for people. One that says nothing of other jobs leaves the schedule alone."""

    code: str
    message: str
    retryable: bool
    resource: Resource | None = None
    details: dict[str, Any] = field(default_factory=dict)
    ends_schedule: bool = True


async def start(tx: Transaction, job: Job, *, now: datetime) -> None:
    """Plan a job that was claimed for the first time, or whose first holder died before planning it."""
    state = await stores.lock(tx, job.advertiser_id, job.store_id)
    if state is None:
        raise LeaseLost(f"job {job.job_id}: its store is unknown")
    await jobs.hold(tx, job, alone=True)
    if await parts.of_job(tx, job):
        return
    await _plan(tx, job, state)
    await stores.settle(tx, job.advertiser_id, job.store_id)
    started = SyncStarted(**_about(job), started_at=_started_at(job), is_first_sync=job.is_first_sync)
    await events.publish(tx, started, now=now)


async def _plan(tx: Transaction, job: Job, state: StoreState) -> None:
    access = await stores.access_of(tx, job)
    if state.orders_complete and not access.has_all_orders:
        await stores.note_order_access(tx, job, is_complete=False)
    is_complete = state.orders_complete and access.has_all_orders
    window = planning.order_window(job.job_type, _started_at(job), is_complete=is_complete)
    marks = await stores.watermarks_of(tx, job.advertiser_id, job.store_id)
    plans = planning.plan_parts(job.job_type, watermarks=marks, window=window)
    unreadable = access.unreadable_by(job.job_type)
    skipped = planning.skips(job.job_type, skips_products=job.skips_products, unreadable=unreadable)
    await parts.create(tx, job, plans, skipped)


async def complete(tx: Transaction, job: Job, *, now: datetime) -> None:
    """End a job whose books are all closed; raise LeaseLost if somebody else ended or took it."""
    state = await stores.lock(tx, job.advertiser_id, job.store_id)
    ending = await jobs.complete(tx, job)
    done = [part for part in await parts.of_job(tx, job) if part.state is PartState.DONE]
    counts = await parts.final_counts(tx, job)
    is_first = False
    if job.slot is JobSlot.SYNC:
        await _advance_watermarks(tx, job, [part for part in done if not counts[part.resource].failed])
        is_first = await stores.note_success(
            tx,
            job,
            completed_at=ending.completed_at,
            is_full=job.job_type is JobType.FULL_SYNC,
            failed_records=sum(count.failed for count in counts.values()),
        )
    await _go_on(tx, job, state, done)
    await stores.settle(tx, job.advertiser_id, job.store_id)
    if ending.follow_up:
        await jobs.want(tx, job.advertiser_id, job.store_id, _FOLLOW_UP)
    completed = SyncCompleted(
        **_about(job),
        completed_at=ending.completed_at,
        duration_seconds=ending.actual_duration,
        is_first_sync=is_first,
        counts=counts,
    )
    await events.publish(tx, completed, now=now)
    metrics.note_end(job, JobStatus.COMPLETED, ending.actual_duration)


async def _go_on(tx: Transaction, job: Job, state: StoreState | None, done: list[Part]) -> None:
    """Want what follows a completed job: a check of what it read, and after the first sync the order history."""
    if job.job_type is JobType.BACKFILL:
        await _end_backfill(tx, job, done)
    elif job.job_type is JobType.FULL_SYNC:
        await checks.want(tx, job.advertiser_id, job.store_id, CheckReason.FULL_SYNC, job_id=job.job_id)
        access = await stores.access_of(tx, job)
        if state is not None and access.has_all_orders and not state.orders_complete:
            await jobs.want(tx, job.advertiser_id, job.store_id, _HISTORY)


async def _end_backfill(tx: Transaction, job: Job, done: list[Part]) -> None:
    """Let syncs see all orders from now on; what changed among the older ones meanwhile is for the next of them."""
    await stores.note_order_access(tx, job, is_complete=True)
    for part in done:
        if part.basis_at is not None:
            await stores.rewind_watermark(tx, job, part.resource, watermark.reached(part.basis_at))
    await checks.want(tx, job.advertiser_id, job.store_id, CheckReason.BACKFILL)


_HISTORY = JobWish(JobType.BACKFILL, TriggeredBy.SYSTEM)
_FOLLOW_UP = JobWish(JobType.INCREMENTAL_SYNC, TriggeredBy.WEBHOOK)


async def _advance_watermarks(tx: Transaction, job: Job, whole: list[Part]) -> None:
    """Move on the parts of which every record was stored; the next sync reads the others' windows again."""
    for part in whole:
        if part.basis_at is not None:
            await stores.advance_watermark(tx, job, part.resource, watermark.reached(part.basis_at))


async def fail(tx: Transaction, job: Job, problem: Problem, *, now: datetime) -> timedelta | None:
    """End a job that cannot go on, and plan its retry; return how long that waits, None when it is the end."""
    await stores.lock(tx, job.advertiser_id, job.store_id)
    details = {**problem.details, "resource": problem.resource}
    failed_at = await jobs.fail(tx, job, code=problem.code, message=problem.message, details=details)
    if problem.resource is not None:
        await parts.fail(tx, job, problem.resource)
    failures = job.attempt + 1
    delay = retry.retry_delay(failures, retryable=problem.retryable)
    is_end = delay is None and job.slot is JobSlot.SYNC and problem.ends_schedule
    if job.slot is JobSlot.SYNC:
        await stores.note_failure(tx, job, error=problem.message, exhausted=is_end)
    await stores.settle(tx, job.advertiser_id, job.store_id, otherwise="error" if is_end else "connected")
    await events.publish(tx, await _failure_event(tx, job, problem, failed_at, delay), now=now)
    metrics.note_end(job, JobStatus.FAILED)
    return delay


async def _failure_event(
    tx: Transaction, job: Job, problem: Problem, failed_at: datetime, delay: timedelta | None
) -> SyncFailed | SyncExhausted:
    about = {
        **_about(job),
        "failed_at": failed_at,
        "error_code": problem.code,
        "error_message": problem.message,
    }
    failures = job.attempt + 1
    if delay is None and not problem.ends_schedule:
        return SyncFailed(**about, attempt=failures, retry_at=None)
    if delay is None:
        return SyncExhausted(**about, attempts=failures)
    wish = JobWish(
        job_type=job.job_type,
        triggered_by=job.triggered_by,
        triggered_by_user_id=job.triggered_by_user_id,
        skips_products=job.skips_products,
        attempt=failures,
        retry_of_job_id=job.job_id,
    )
    wanted = await jobs.want(tx, job.advertiser_id, job.store_id, wish, delay=delay)
    return SyncFailed(**about, attempt=failures, retry_at=wanted[0].due_at if wanted else None)


async def cancel(
    tx: Transaction,
    advertiser_id: int,
    store_id: int,
    reason: CancelReason,
    *,
    now: datetime,
    job_id: int | None = None,
) -> int:
    """Cancel a store's active jobs, or one of them; return how many this ended."""
    await stores.lock(tx, advertiser_id, store_id)
    cancelled = await jobs.cancel(tx, advertiser_id, store_id, message=_CANCELLED[reason], job_id=job_id)
    for job in cancelled:
        await events.publish(tx, SyncCancelled(**_about(job), cancelled_at=now, reason=reason), now=now)
        metrics.note_end(job, JobStatus.CANCELLED)
    await stores.settle(tx, advertiser_id, store_id)
    return len(cancelled)


async def abandon(tx: Transaction, job: Job, *, now: datetime) -> None:
    """Cancel a job whose token is refused. No failure: the fetcher, which found it dead, tells the disconnection."""
    await stores.lock(tx, job.advertiser_id, job.store_id)
    await jobs.hold(tx, job, alone=True)
    await cancel(tx, job.advertiser_id, job.store_id, "disconnected", now=now, job_id=job.job_id)


def _started_at(job: Job) -> datetime:
    if job.started_at is None:
        raise LeaseLost(f"job {job.job_id}: it was never claimed")
    return job.started_at


def _about(job: Job) -> dict[str, Any]:
    return {
        "store_id": job.store_id,
        "advertiser_id": job.advertiser_id,
        "shop_domain": job.shop_domain,
        "job_id": job.job_id,
        "job_type": job.job_type,
        "triggered_by": job.triggered_by,
        "triggered_by_user_id": job.triggered_by_user_id,
    }
