"""Bulk operations that were started, so that a crash adopts them instead of starting others."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert

from shopify_fetcher.store.tables import bulk_operations
from sync_common.contracts.resources import Resource
from sync_common.db import Transaction


@dataclass(frozen=True, slots=True)
class BulkRow:
    """One operation. `gid` and `started_at` (its `createdAt`) are None until Shopify has told them.

    `is_new` says that this very call made the row.
    """

    id: int
    gid: str | None
    search: str
    started_at: datetime | None
    created_at: datetime
    is_new: bool = False


_COLUMNS = tuple(bulk_operations.c[name] for name in ("id", "gid", "search", "started_at", "created_at"))


async def ensure(
    tx: Transaction, *, installation_id: int, job_id: int | None, resource: Resource, search: str
) -> BulkRow:
    """Return the live operation that reads this for a job, or note that one is about to be started."""
    statement = insert(bulk_operations).values(
        installation_id=installation_id, job_id=job_id, resource=resource.value, search=search
    )
    statement = statement.on_conflict_do_update(
        index_elements=[
            bulk_operations.c.installation_id,
            bulk_operations.c.job_id,
            bulk_operations.c.resource,
            bulk_operations.c.search,
        ],
        index_where=bulk_operations.c.job_id.is_not(None) & (bulk_operations.c.status != "failed"),
        set_={"updated_at": func.clock_timestamp()},
    )
    inserted: ColumnElement[bool] = literal_column("(xmax = 0)").label("is_new")
    row = (await tx.execute(statement.returning(*_COLUMNS, inserted))).mappings().one()
    return BulkRow(**row)


async def find_by_gid(tx: Transaction, *, installation_id: int, gid: str) -> BulkRow | None:
    """Return an operation of this installation by Shopify's id, unless it has failed."""
    statement = select(*_COLUMNS).where(
        bulk_operations.c.installation_id == installation_id,
        bulk_operations.c.gid == gid,
        bulk_operations.c.status != "failed",
    )
    row = (await tx.execute(statement)).mappings().first()
    return None if row is None else BulkRow(**row)


async def get(tx: Transaction, row_id: int) -> BulkRow:
    """Return an operation that exists."""
    statement = select(*_COLUMNS).where(bulk_operations.c.id == row_id)
    return BulkRow(**(await tx.execute(statement)).mappings().one())


async def note_started(tx: Transaction, row_id: int, *, gid: str, started_at: datetime) -> bool:
    """Keep Shopify's id before the first poll; False when another process was first."""
    statement = (
        update(bulk_operations)
        .where(bulk_operations.c.id == row_id, bulk_operations.c.gid.is_(None))
        .values(
            gid=gid,
            status="running",
            started_at=started_at,
            updated_at=func.clock_timestamp(),
        )
        .returning(bulk_operations.c.id)
    )
    return (await tx.execute(statement)).first() is not None


async def note_ended(
    tx: Transaction, row_id: int, *, status: str, object_count: int | None, root_object_count: int | None
) -> None:
    """Keep how an operation ended."""
    await tx.execute(
        update(bulk_operations)
        .where(bulk_operations.c.id == row_id)
        .values(
            status=status,
            object_count=object_count,
            root_object_count=root_object_count,
            updated_at=func.clock_timestamp(),
        )
    )


async def note_finish_seen(tx: Transaction, gid: str) -> bool:
    """Keep Shopify's hint that an operation has ended, for whichever process polls it."""
    statement = (
        update(bulk_operations)
        .where(bulk_operations.c.gid == gid, bulk_operations.c.finish_seen_at.is_(None))
        .values(finish_seen_at=func.clock_timestamp())
        .returning(bulk_operations.c.id)
    )
    return (await tx.execute(statement)).first() is not None


async def finish_was_seen(tx: Transaction, row_id: int) -> bool:
    """Say whether the hint has arrived."""
    statement = select(bulk_operations.c.finish_seen_at.is_not(None)).where(bulk_operations.c.id == row_id)
    return bool((await tx.execute(statement)).scalar_one_or_none())


async def forget(tx: Transaction, *, older_than: timedelta) -> int:
    """Delete operations whose results Shopify does not keep any more; return how many."""
    oldest = func.clock_timestamp() - older_than
    return int(
        (await tx.execute(delete(bulk_operations).where(bulk_operations.c.updated_at < oldest))).rowcount
    )
