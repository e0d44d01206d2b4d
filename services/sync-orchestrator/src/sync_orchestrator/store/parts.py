"""Parts of a job. Every write first makes sure that the job is still ours (`jobs.hold`)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, func, insert, select, update

from sync_common.contracts.events.lifecycle import ResourceCounts
from sync_common.contracts.resources import Resource
from sync_common.db import Transaction, load_sql
from sync_orchestrator.domain.books import Books
from sync_orchestrator.domain.jobs import PartAction, PartState, SkipReason, part_after, part_sources_of
from sync_orchestrator.domain.model import Job, Part
from sync_orchestrator.domain.planning import PartPlan, ReadMode
from sync_orchestrator.errors import LeaseLost
from sync_orchestrator.store import jobs
from sync_orchestrator.store.tables import sync_job_parts

_PACKAGE: Final = "sync_orchestrator.store"


async def create(
    tx: Transaction, job: Job, plans: Sequence[PartPlan], skipped: Mapping[Resource, SkipReason]
) -> None:
    """Lay down how each resource of a job is read."""
    rows = [
        {
            "advertiser_id": job.advertiser_id,
            "job_id": job.job_id,
            "resource": plan.resource,
            "state": PartState.SKIPPED if plan.resource in skipped else PartState.WAITING,
            "skip_reason": skipped.get(plan.resource),
            "mode": plan.mode,
            "updated_since": plan.updated_since,
            "created_since": plan.created_since,
            "created_until": plan.created_until,
        }
        for plan in plans
    ]
    await tx.execute(insert(sync_job_parts), rows)


async def of_job(tx: Transaction, job: Job) -> Sequence[Part]:
    """Return a job's parts, as far as they have come."""
    statement = (
        select(sync_job_parts)
        .where(sync_job_parts.c.advertiser_id == job.advertiser_id, sync_job_parts.c.job_id == job.job_id)
        .order_by(sync_job_parts.c.resource)
    )
    return [_part(row) for row in await tx.execute(statement)]


async def begin(tx: Transaction, job: Job, resource: Resource) -> datetime:
    """Start or resume reading; return the database's time."""
    now: datetime = (await tx.execute(select(func.clock_timestamp()))).scalar_one()
    started = func.coalesce(sync_job_parts.c.started_at, now)
    await _move(tx, job, resource, (PartAction.START, PartAction.RESUME), started_at=started)
    return now


async def note_basis(
    tx: Transaction, job: Job, resource: Resource, *, basis_at: datetime, observed_at: datetime
) -> None:
    """Keep the earliest start of the read: what the next watermark counts from."""
    await jobs.hold(tx, job)
    await tx.execute(
        update(sync_job_parts)
        .where(*_key(job, resource))
        .values(basis_at=func.least(sync_job_parts.c.basis_at, basis_at), observed_at=observed_at)
    )


async def note_total(tx: Transaction, job: Job, resource: Resource, total: int) -> None:
    """Keep how many records there are to read."""
    await jobs.hold(tx, job)
    await tx.execute(update(sync_job_parts).where(*_key(job, resource)).values(total=total))


async def total_of(tx: Transaction, job: Job) -> int:
    """Return how many records the job's parts have to read, as far as they know."""
    totals = select(func.coalesce(func.sum(sync_job_parts.c.total), 0)).where(
        sync_job_parts.c.advertiser_id == job.advertiser_id, sync_job_parts.c.job_id == job.job_id
    )
    return int((await tx.execute(totals)).scalar_one())


async def checkpoint(tx: Transaction, job: Job, resource: Resource, *, cursor: str, published: int) -> None:
    """Keep where to resume. Call it only when Kafka has acknowledged everything before."""
    await jobs.hold(tx, job)
    await tx.execute(
        update(sync_job_parts)
        .where(*_key(job, resource), sync_job_parts.c.state == PartState.RUNNING)
        .values(cursor=cursor, published=published)
    )


async def publish(
    tx: Transaction,
    job: Job,
    resource: Resource,
    *,
    published: int,
    read_count: int,
    object_count: int | None = None,
) -> None:
    """Note that the last page of a part is acknowledged, and how much the fetcher says that it read."""
    counts = {"published": published, "read_count": read_count, "object_count": object_count}
    await _move(tx, job, resource, (PartAction.PUBLISH,), **counts)


async def note_books(tx: Transaction, job: Job, resource: Resource, counts: ResourceCounts) -> None:
    """Show what became of the records so far."""
    await jobs.hold(tx, job)
    await tx.execute(update(sync_job_parts).where(*_key(job, resource)).values(**counts.model_dump()))


async def close(tx: Transaction, job: Job, resource: Resource, counts: ResourceCounts) -> None:
    """End a part well, with its final counts."""
    ended = {"ended_at": func.clock_timestamp(), **counts.model_dump()}
    await _move(tx, job, resource, (PartAction.CLOSE,), **ended)


async def fail(tx: Transaction, job: Job, resource: Resource) -> None:
    """End a part badly; its job ends in the same transaction."""
    await tx.execute(
        update(sync_job_parts)
        .where(*_key(job, resource), sync_job_parts.c.state.in_(part_sources_of(PartAction.FAIL)))
        .values(state=PartState.FAILED, ended_at=func.clock_timestamp())
    )


async def read_books(tx: Transaction, held: Sequence[Job]) -> Mapping[tuple[int, Resource], Books]:
    """Return the writer's books of our jobs, by job id and resource."""
    rows = await tx.execute(
        load_sql(_PACKAGE, "read_books"),
        {
            "advertiser_ids": [job.advertiser_id for job in held],
            "job_ids": [job.job_id for job in held],
            "epochs": [job.epoch for job in held],
        },
    )
    return {(row.job_id, Resource(row.resource)): _books(row) for row in rows}


async def final_counts(tx: Transaction, job: Job) -> dict[Resource, ResourceCounts]:
    """Return what became of the records of each resource that was read."""
    statement = select(sync_job_parts).where(
        sync_job_parts.c.advertiser_id == job.advertiser_id,
        sync_job_parts.c.job_id == job.job_id,
        sync_job_parts.c.state != PartState.SKIPPED,
    )
    return {Resource(row.resource): _counts(row) for row in await tx.execute(statement)}


async def _move(
    tx: Transaction, job: Job, resource: Resource, actions: Sequence[PartAction], **values: Any
) -> None:
    """Take one step of the part's life, from the states that the transition table allows."""
    await jobs.hold(tx, job)
    sources = frozenset[PartState]().union(*(part_sources_of(action) for action in actions))
    target = part_after(next(iter(part_sources_of(actions[0]))), actions[0])
    moved = await tx.execute(
        update(sync_job_parts)
        .where(*_key(job, resource), sync_job_parts.c.state.in_(sources))
        .values(state=target, **values)
        .returning(sync_job_parts.c.resource)
    )
    if moved.first() is None:
        raise LeaseLost(f"job {job.job_id}: {resource} cannot {actions[0]} any more")


def _key(job: Job, resource: Resource) -> tuple[Any, ...]:
    return (
        sync_job_parts.c.advertiser_id == job.advertiser_id,
        sync_job_parts.c.job_id == job.job_id,
        sync_job_parts.c.resource == resource,
    )


def _counts(row: Row[Any]) -> ResourceCounts:
    return ResourceCounts(
        created=row.created,
        updated=row.updated,
        unchanged=row.unchanged,
        skipped=row.skipped,
        failed=row.failed,
    )


def _books(row: Row[Any]) -> Books:
    return Books(marks_seen=row.marks_seen, counts=_counts(row), distinct_ids=row.distinct_ids)


def _part(row: Row[Any]) -> Part:
    return Part(
        resource=Resource(row.resource),
        state=PartState(row.state),
        mode=ReadMode(row.mode),
        updated_since=row.updated_since,
        created_since=row.created_since,
        created_until=row.created_until,
        cursor=row.cursor,
        total=row.total,
        published=row.published,
        read_count=row.read_count,
        basis_at=row.basis_at,
        observed_at=row.observed_at,
        skip_reason=SkipReason(row.skip_reason) if row.skip_reason is not None else None,
    )
