"""Jobs: wanted, claimed, held by lease, ended once."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, func, select, update

from sync_common.contracts.events.lifecycle import JobType, TriggeredBy
from sync_common.contracts.resources import Resource
from sync_common.db import Transaction, load_sql
from sync_orchestrator.domain.jobs import ACTIVE, JobSlot, JobStatus, covered, slot_of
from sync_orchestrator.domain.model import Job, JobWish
from sync_orchestrator.domain.planning import widened
from sync_orchestrator.errors import LeaseLost
from sync_orchestrator.store.tables import sync_jobs

_PACKAGE: Final = "sync_orchestrator.store"
_ERROR_LENGTH_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class Ending:
    """When a job ended, and what its row says about afterwards."""

    completed_at: datetime
    actual_duration: int
    follow_up: bool


async def want(
    tx: Transaction,
    advertiser_id: int,
    store_id: int,
    wish: JobWish,
    *,
    delay: timedelta = timedelta(),
    due_at: datetime | None = None,
) -> tuple[Job, bool] | None:
    """Return the store's active job and whether it is new; None for a store that is not connected.

    None is also the answer to a scheduled run that already had its job.
    """
    parameters = {
        "advertiser_id": advertiser_id,
        "store_id": store_id,
        "job_type": wish.job_type,
        "triggered_by": wish.triggered_by,
        "triggered_by_user_id": wish.triggered_by_user_id,
        "schedule_slot": wish.schedule_slot,
        "skips_products": wish.skips_products,
        "attempt": wish.attempt,
        "retry_of_job_id": wish.retry_of_job_id,
        "due_at": due_at,
        "delay_seconds": delay.total_seconds(),
    }
    inserted = (await tx.execute(load_sql(_PACKAGE, "insert_job"), parameters)).one_or_none()
    if inserted is not None:
        return _job(inserted), True
    active = await active_job(tx, advertiser_id, store_id, slot_of(wish.job_type))
    return None if active is None else (active, False)


async def find(tx: Transaction, advertiser_id: int, job_id: int) -> Job | None:
    """Return a job, whatever became of it."""
    statement = select(sync_jobs).where(
        sync_jobs.c.advertiser_id == advertiser_id, sync_jobs.c.job_id == job_id
    )
    row = (await tx.execute(statement)).one_or_none()
    return None if row is None else _job(row)


async def active_job(tx: Transaction, advertiser_id: int, store_id: int, slot: JobSlot) -> Job | None:
    """Return the pending or running job in a store's slot."""
    statement = select(sync_jobs).where(
        sync_jobs.c.advertiser_id == advertiser_id,
        sync_jobs.c.store_id == store_id,
        sync_jobs.c.slot == slot,
        sync_jobs.c.status.in_(ACTIVE),
    )
    row = (await tx.execute(statement)).one_or_none()
    return None if row is None else _job(row)


async def hasten(tx: Transaction, job: Job, wish: JobWish) -> None:
    """Make a pending job due now, because somebody waits for it, and have it cover what is wanted.

    Where a person asks, failures so far no longer count: the whole ladder of retries is there again.
    """
    values: dict[str, Any] = {
        "due_at": func.least(sync_jobs.c.due_at, func.clock_timestamp()),
        "updated_at": func.clock_timestamp(),
        "job_type": widened(job.job_type, wish.job_type),
        "skips_products": job.skips_products and Resource.PRODUCTS not in covered(wish.job_type),
    }
    if wish.triggered_by is TriggeredBy.USER:
        user = {"triggered_by": TriggeredBy.USER, "triggered_by_user_id": wish.triggered_by_user_id}
        values |= {"attempt": 0, **user}
    await tx.execute(
        update(sync_jobs)
        .where(
            sync_jobs.c.advertiser_id == job.advertiser_id,
            sync_jobs.c.job_id == job.job_id,
            sync_jobs.c.status == JobStatus.PENDING,
        )
        .values(**values)
    )


async def follow_up(tx: Transaction, job: Job) -> None:
    """Ask for one more sync of the changes when this job has ended."""
    await tx.execute(
        update(sync_jobs)
        .where(
            sync_jobs.c.advertiser_id == job.advertiser_id,
            sync_jobs.c.job_id == job.job_id,
            sync_jobs.c.status.in_(ACTIVE),
        )
        .values(follow_up=True, updated_at=func.clock_timestamp())
    )


async def claim(tx: Transaction, *, owner: str, lease_seconds: float, jobs_max: int) -> Sequence[Job]:
    """Claim due and orphaned jobs; no two replicas get the same one."""
    rows = await tx.execute(
        load_sql(_PACKAGE, "claim_jobs"),
        {"owner": owner, "lease_seconds": lease_seconds, "jobs_max": jobs_max},
    )
    return [_job(row) for row in rows]


async def renew(tx: Transaction, jobs: Sequence[Job], *, lease_seconds: float) -> set[int]:
    """Extend leases; return the ids of the jobs that are still ours."""
    rows = await tx.execute(
        load_sql(_PACKAGE, "renew_leases"), {**_mine(jobs), "lease_seconds": lease_seconds}
    )
    return set(rows.scalars())


async def still_held(tx: Transaction, jobs: Sequence[Job]) -> set[int]:
    """Return the ids of the jobs that nobody has cancelled or taken over."""
    return set((await tx.execute(load_sql(_PACKAGE, "still_held"), _mine(jobs))).scalars())


async def release(tx: Transaction, job: Job) -> None:
    """Give a lease back at once; nothing happens if it is no longer ours."""
    await tx.execute(
        update(sync_jobs)
        .where(*_held(job))
        .values(lease_owner=None, lease_expires_at=func.clock_timestamp(), updated_at=func.clock_timestamp())
    )


async def hold(tx: Transaction, job: Job, *, alone: bool = False) -> None:
    """Keep the job ours until this transaction ends; raise LeaseLost if it no longer is.

    Parts hold their job side by side. A transaction that will change the job itself must hold it `alone`: two
    that share the row and then both want to change it wait for each other.
    """
    held = select(sync_jobs.c.job_id).where(*_held(job)).with_for_update(read=not alone, key_share=alone)
    if (await tx.execute(held)).first() is None:
        raise LeaseLost(f"job {job.job_id}: epoch {job.epoch} is over")


async def note_throttled(tx: Transaction, job: Job, resume_in: timedelta) -> None:
    """Show until when Shopify's rate limit holds the job back, and that it takes so much longer. Not a failure."""
    parameters = {**_identity(job), "resume_in_seconds": resume_in.total_seconds()}
    await tx.execute(load_sql(_PACKAGE, "note_throttled"), parameters)


async def note_estimate(tx: Transaction, job: Job, seconds: int) -> None:
    """Show how long the job is expected to take."""
    await tx.execute(update(sync_jobs).where(*_held(job)).values(estimated_duration=seconds))


async def complete(tx: Transaction, job: Job) -> Ending:
    """End a job well; raise LeaseLost if it is no longer ours, was cancelled, or has an open part."""
    row = (await tx.execute(load_sql(_PACKAGE, "complete_job"), _identity(job))).one_or_none()
    if row is None:
        raise LeaseLost(f"job {job.job_id}: epoch {job.epoch} may not complete it")
    return Ending(row.completed_at, row.actual_duration, row.follow_up)


async def fail(tx: Transaction, job: Job, *, code: str, message: str, details: dict[str, Any]) -> datetime:
    """End a job badly; raise LeaseLost if it is no longer ours or was cancelled."""
    parameters = {
        **_identity(job),
        "error_code": code,
        "error_message": message[:_ERROR_LENGTH_MAX],
        "error_details": json.dumps(details),
    }
    ended = (await tx.execute(load_sql(_PACKAGE, "fail_job"), parameters)).scalar_one_or_none()
    if ended is None:
        raise LeaseLost(f"job {job.job_id}: epoch {job.epoch} may not fail it")
    moment: datetime = ended
    return moment


async def cancel(
    tx: Transaction, advertiser_id: int, store_id: int, *, message: str, job_id: int | None = None
) -> Sequence[Job]:
    """Cancel a store's active jobs, or one of them; return those that this call ended."""
    rows = await tx.execute(
        load_sql(_PACKAGE, "cancel_jobs"),
        {"advertiser_id": advertiser_id, "store_id": store_id, "job_id": job_id, "message": message},
    )
    return [_job(row) for row in rows]


async def forget_before(tx: Transaction, before: datetime, *, jobs_max: int) -> int:
    """Forget some jobs that ended before an instant, but the last of each store; return how many."""
    parameters = {"before": before, "jobs_max": jobs_max}
    return (await tx.execute(load_sql(_PACKAGE, "forget_jobs"), parameters)).rowcount


async def active_counts(tx: Transaction) -> dict[str, int]:
    """Return how many jobs wait and run, everywhere."""
    statement = (
        select(sync_jobs.c.status, func.count())
        .where(sync_jobs.c.status.in_(ACTIVE))
        .group_by(sync_jobs.c.status)
    )
    return {row[0]: row[1] for row in await tx.execute(statement)}


def _held(job: Job) -> tuple[Any, ...]:
    return (
        sync_jobs.c.advertiser_id == job.advertiser_id,
        sync_jobs.c.job_id == job.job_id,
        sync_jobs.c.epoch == job.epoch,
        sync_jobs.c.status == JobStatus.RUNNING,
    )


def _identity(job: Job) -> dict[str, int]:
    return {"advertiser_id": job.advertiser_id, "job_id": job.job_id, "epoch": job.epoch}


def _mine(jobs: Sequence[Job]) -> dict[str, list[int]]:
    return {"job_ids": [job.job_id for job in jobs], "epochs": [job.epoch for job in jobs]}


def _job(row: Row[Any]) -> Job:
    return Job(
        job_id=row.job_id,
        advertiser_id=row.advertiser_id,
        store_id=row.store_id,
        installation_id=row.installation_id,
        shop_domain=row.shop_domain,
        job_type=JobType(row.job_type),
        status=JobStatus(row.status),
        triggered_by=TriggeredBy(row.triggered_by),
        triggered_by_user_id=row.triggered_by_user_id,
        skips_products=row.skips_products,
        is_first_sync=row.is_first_sync,
        follow_up=row.follow_up,
        attempt=row.attempt,
        epoch=row.epoch,
        due_at=row.due_at,
        started_at=row.started_at,
        records_per_minute=row.records_per_minute,
    )
