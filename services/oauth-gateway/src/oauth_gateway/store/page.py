"""Read what the pages show: the gateway's own stores beside the views that other services publish."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, cast

from sqlalchemy import Row

from oauth_gateway.domain.charts import TICKS_MAX, FinishedSync
from oauth_gateway.domain.checks import NOTHING_PROVEN, Check, Gone, Mirror
from oauth_gateway.domain.deliveries import Freshness
from oauth_gateway.domain.jobs import FailedRecord, Job, Part, outcomes_from
from oauth_gateway.domain.page import ApiHealth, Day, RecordCounts, Snapshot, Store
from oauth_gateway.domain.scopes import unreadable
from oauth_gateway.domain.stores import Frequency
from oauth_gateway.store.checks import mirrors, waiting_deletions
from oauth_gateway.store.deliveries import freshness
from sync_common.contracts.events.lifecycle import JobType, TriggeredBy
from sync_common.contracts.resources import Resource
from sync_common.db import Transaction, load_sql

RECENT_MAX: Final = 6
FAILURES_MAX: Final = 100
_SLICES: Final = 8
_HISTORY: Final = timedelta(days=35)
_COUNTERS: Final = ("processed", "created", "updated", "unchanged", "skipped", "failed")
_CHECKING: Final = ("waiting", "running")
_KIND_ORDER: Final = {"sync": 0, "card": 1, "row": 2}

Written = Mapping[tuple[int, str], int]


@dataclass(frozen=True, slots=True)
class Past:
    """What takes long to read: rows, webhooks and proofs by store, the jobs that ended, the past day."""

    counts: Mapping[int, RecordCounts] = field(default_factory=dict)
    fresh: Mapping[int, Freshness] = field(default_factory=dict)
    mirrors: Mapping[int, Mirror] = field(default_factory=dict)
    to_decide: Mapping[int, tuple[Gone, ...]] = field(default_factory=dict)
    ended: Sequence[Job] = ()
    day: Day = field(default_factory=Day)


@dataclass(frozen=True, slots=True)
class Present:
    """What is read at every look: the stores with their newest checks, and their active jobs."""

    stores: Sequence[Row[Any]]
    active: Sequence[Job]

    @property
    def under_way(self) -> frozenset[tuple[str, int]]:
        """Return the active jobs and checks; when they change, the past has changed."""
        jobs = {("job", job.id) for job in self.active}
        return frozenset(
            jobs | {("check", row.check_id) for row in self.stores if row.check_state in _CHECKING}
        )


async def read_past(tx: Transaction, advertiser_id: int, *, now: datetime) -> Past:
    """Read what is over, and count the advertiser's rows."""
    rows = await tx.execute(load_sql(__package__, "page_counts"), {"advertiser_id": advertiser_id})
    counts = {row.store_id: RecordCounts(row.customers, row.orders, row.products) for row in rows}
    parameters = {
        "advertiser_id": advertiser_id,
        "recent_max": RECENT_MAX,
        "ticks_max": TICKS_MAX,
        "history_since": now - _HISTORY,
    }
    ended = (await tx.execute(load_sql(__package__, "ended_jobs"), parameters)).all()
    return Past(
        counts=counts,
        fresh=await freshness(tx, advertiser_id),
        mirrors=await mirrors(tx, advertiser_id),
        to_decide=await waiting_deletions(tx, advertiser_id),
        ended=[_job(row, {}) for row in ended],
        day=await _day(tx, advertiser_id, now),
    )


async def read_present(tx: Transaction, advertiser_id: int) -> Present:
    """Read what may change at any moment."""
    parameters = {"advertiser_id": advertiser_id}
    stores = (await tx.execute(load_sql(__package__, "page_stores"), parameters)).all()
    active = (await tx.execute(load_sql(__package__, "active_jobs"), parameters)).all()
    written = await _written(tx, advertiser_id, [row.job_id for row in active])
    return Present(stores, [_job(row, written) for row in active])


def snapshot_of(present: Present, past: Past) -> Snapshot:
    """Put a page together."""
    jobs = sorted([*present.active, *past.ended], key=lambda job: job.id, reverse=True)
    by_store: dict[int, list[Job]] = defaultdict(list)
    for job in jobs:
        by_store[job.store_id].append(job)
    stores = [_store(row, by_store[row.id], past) for row in present.stores]
    return Snapshot(
        stores=tuple(sorted(stores, key=lambda store: _KIND_ORDER[store.kind])),
        recent=tuple(jobs[:RECENT_MAX]),
        day=past.day,
    )


async def read_job(tx: Transaction, advertiser_id: int, job_id: int) -> Job | None:
    """Return one job of the transaction's advertiser."""
    parameters = {"advertiser_id": advertiser_id, "job_id": job_id}
    row = (await tx.execute(load_sql(__package__, "job_by_id"), parameters)).one_or_none()
    return _job(row, await _written(tx, advertiser_id, [job_id])) if row is not None else None


async def last_ended_job(tx: Transaction, advertiser_id: int, store_id: int) -> int | None:
    """Return the id of a store's newest job that has ended."""
    parameters = {"advertiser_id": advertiser_id, "store_id": store_id}
    found = await tx.execute(load_sql(__package__, "last_ended_job"), parameters)
    return cast("int | None", found.scalar_one())


async def read_failures(tx: Transaction, advertiser_id: int, job_id: int) -> Sequence[FailedRecord]:
    """Return the first records that a job could not write."""
    parameters = {"advertiser_id": advertiser_id, "job_id": job_id, "rows_max": FAILURES_MAX}
    rows = await tx.execute(load_sql(__package__, "job_failures"), parameters)
    return [FailedRecord(Resource(row.resource), row.record_id, row.field, row.reason) for row in rows]


async def _written(tx: Transaction, advertiser_id: int, job_ids: Sequence[int]) -> Written:
    if not job_ids:
        return {}
    parameters = {"advertiser_id": advertiser_id, "job_ids": list(job_ids)}
    rows = await tx.execute(load_sql(__package__, "page_books"), parameters)
    return {(row.job_id, row.resource): row.written for row in rows}


async def _day(tx: Transaction, advertiser_id: int, now: datetime) -> Day:
    parameters = {"advertiser_id": advertiser_id, "since": now - timedelta(days=1)}
    rows = (await tx.execute(load_sql(__package__, "page_day"), parameters)).all()
    created = [RecordCounts()] * _SLICES
    for row in rows:
        slice_ = min(max(row.slice, 0), _SLICES - 1)
        created[slice_] += RecordCounts(row.customers, row.orders, row.products)
    return Day(tuple(created), sum(row.completed for row in rows), sum(row.failed for row in rows))


def _store(row: Row[Any], jobs: Sequence[Job], past: Past) -> Store:
    syncs = [job for job in jobs if not job.is_backfill]
    finished = [job for job in syncs if job.status in ("completed", "failed")][:TICKS_MAX]
    history = [
        FinishedSync(job.status_label().state, job.duration_seconds or 0) for job in reversed(finished)
    ]
    return Store(
        id=row.id,
        shop_domain=row.shop_domain,
        name=row.name,
        frequency=Frequency(row.sync_frequency),
        connection=row.connection,
        products_frequency=Frequency(row.products_frequency) if row.products_frequency else None,
        disconnect_reason=row.disconnect_reason,
        disconnected_at=row.disconnected_at,
        sync_status=row.sync_status,
        last_sync_at=row.last_sync_at,
        last_sync_status=row.last_sync_status,
        last_sync_error=row.last_sync_error,
        initial_sync_completed=row.initial_sync_completed,
        next_run_at=row.next_run_at,
        has_all_orders=row.has_all_orders,
        orders_complete=row.orders_complete,
        history_requested_at=row.history_requested_at,
        unreadable=unreadable(row.access_scopes),
        timezone=row.timezone,
        counts=past.counts.get(row.id, RecordCounts()),
        api=_api_health(row),
        fresh=past.fresh.get(row.id),
        check=_check(row),
        mirror=past.mirrors.get(row.id, NOTHING_PROVEN),
        to_decide=past.to_decide.get(row.id, ()),
        job=next((job for job in syncs if job.is_active), None),
        backfill=next((job for job in jobs if job.is_backfill and job.is_active), None),
        last_job=finished[0] if finished else None,
        last_ended_job_id=next((job.id for job in syncs if not job.is_active), None),
        history=tuple(history),
    )


def _api_health(row: Row[Any]) -> ApiHealth | None:
    if row.bucket_size is None:
        return None
    return ApiHealth(int(row.bucket_size), max(0, int(row.available or 0)), row.blocked_until)


def _check(row: Row[Any]) -> Check | None:
    if row.check_id is None:
        return None
    return Check(row.check_id, row.check_state, row.check_error, row.check_ended_at)


def _job(row: Row[Any], written: Written) -> Job:
    return Job(
        id=row.job_id,
        store_id=row.store_id,
        shop_domain=row.shop_domain,
        job_type=JobType(row.job_type),
        status=row.status,
        triggered_by=TriggeredBy(row.triggered_by),
        triggered_by_name=row.triggered_by_name,
        created_at=row.created_at,
        started_at=row.started_at,
        completed_at=row.completed_at,
        due_at=row.due_at,
        attempt=row.attempt or 0,
        duration_seconds=row.actual_duration,
        estimated_seconds=row.estimated_duration,
        error_message=row.error_message,
        throttled_until=row.throttled_until,
        is_first_sync=bool(row.is_first_sync),
        parts=_parts(row, written),
        outcomes=outcomes_from({name: getattr(row, f"records_{name}") or {} for name in _COUNTERS}),
    )


def _parts(row: Row[Any], written: Written) -> tuple[Part, ...]:
    """Read a job's parts in the order of the page; what is written counts, not what is merely published."""
    by_resource = {part["resource"]: part for part in row.parts or ()}
    return tuple(
        Part(
            resource=resource,
            state=part["state"],
            total=part.get("total"),
            done=written.get((row.job_id, resource.value), 0),
            read_count=part.get("read_count"),
            object_count=part.get("object_count"),
            started_at=_instant(part.get("started_at")),
            ended_at=_instant(part.get("ended_at")),
            skip_reason=part.get("skip_reason"),
        )
        for resource in Resource
        if (part := by_resource.get(resource.value)) is not None
    )


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
