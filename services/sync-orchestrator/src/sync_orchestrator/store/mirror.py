"""What we hold of a store, as record-writer shows it."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, func, select

from sync_common.contracts.resources import Resource
from sync_common.db import Transaction, load_sql
from sync_orchestrator.domain.checks import Check, Scope
from sync_orchestrator.domain.mirror import Ids
from sync_orchestrator.domain.model import OfStore

_PACKAGE: Final = "sync_orchestrator.store"


async def now(tx: Transaction) -> datetime:
    """Return the database's time."""
    instant: datetime = (await tx.execute(select(func.clock_timestamp()))).scalar_one()
    return instant


async def count(tx: Transaction, of: OfStore, scope: Scope) -> int:
    """Return how many live rows there are of what is compared."""
    return int((await tx.execute(load_sql(_PACKAGE, "count_mirror"), _bounds(of, scope))).scalar_one())


async def ids(tx: Transaction, of: OfStore, scope: Scope, *, without: Collection[str]) -> Ids:
    """Return the ids of the live rows of what is compared, but for some."""
    left_out = frozenset(map(int, without))
    rows = await tx.stream_scalars(load_sql(_PACKAGE, "mirror_ids"), _bounds(of, scope))
    found = Ids()
    async for page in rows.partitions(10_000):
        found.extend(number for number in map(int, page) if number not in left_out)
    return found


async def live_among(
    tx: Transaction, of: OfStore, resource: Resource, record_ids: Collection[str]
) -> dict[str, datetime | None]:
    """Return which of some records are alive here, each with its time of creation."""
    rows = await _rows_among(tx, of, resource, record_ids)
    return {row.record_id: row.created_at_source for row in rows if not row.is_deleted}


async def deleted_among(
    tx: Transaction, of: OfStore, resource: Resource, record_ids: Collection[str]
) -> list[str]:
    """Return which of some records are here, but deleted."""
    rows = await _rows_among(tx, of, resource, record_ids)
    return [row.record_id for row in rows if row.is_deleted]


async def unseen(tx: Transaction, check: Check, scope: Scope, *, known_before: datetime) -> frozenset[str]:
    """Return live records that the full sync behind this check should have seen, and has not."""
    parameters = {**_bounds(check, scope), "job_id": check.job_id, "known_before": known_before}
    return frozenset((await tx.execute(load_sql(_PACKAGE, "unseen_records"), parameters)).scalars())


async def lost_changes(tx: Transaction, check: Check, resource: Resource, *, before: datetime) -> int:
    """Return how many records the full sync behind this check had to write although their change was old."""
    parameters = {**_store(check), "resource": resource, "job_id": check.job_id, "changed_before": before}
    return int((await tx.execute(load_sql(_PACKAGE, "lost_changes"), parameters)).scalar_one())


async def _rows_among(
    tx: Transaction, of: OfStore, resource: Resource, record_ids: Collection[str]
) -> Sequence[Row[Any]]:
    parameters = {**_store(of), "resource": resource, "record_ids": list(record_ids)}
    return (await tx.execute(load_sql(_PACKAGE, "rows_among"), parameters)).all()


def _store(of: OfStore) -> dict[str, Any]:
    return {"advertiser_id": of.advertiser_id, "store_id": of.store_id}


def _bounds(of: OfStore, scope: Scope) -> dict[str, Any]:
    return {
        **_store(of),
        "resource": scope.resource,
        "created_since": scope.created_since,
        "created_until": scope.created_until,
    }
