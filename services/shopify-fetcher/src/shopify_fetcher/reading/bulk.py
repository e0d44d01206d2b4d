"""One bulk operation: start or adopt it, wait for it, spool its file. What is no whole file raises BulkFailed."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog

from shopify_fetcher import metrics
from shopify_fetcher.access.journal import journal
from shopify_fetcher.access.session import Access, ShopSession
from shopify_fetcher.clients.documents import bulk_document
from shopify_fetcher.errors import (
    AccessDenied,
    BulkBusy,
    BulkExpired,
    BulkFailed,
    FetcherError,
    Malformed,
    Transient,
)
from shopify_fetcher.reading.lines import Lines
from shopify_fetcher.reading.spool import Batch, Spool
from shopify_fetcher.store import bulk as rows
from shopify_fetcher.store.bulk import BulkRow
from sync_common.contracts.resources import Resource
from sync_common.db import Database

POLL_SECONDS_MIN: Final = 0.2
POLL_SECONDS_MAX: Final = 5.0
POLL_SHARE: Final = 0.1  # of the time waited so far: short operations are noticed at once
HINT_SECONDS: Final = 0.5
SLOT_WAIT_SECONDS: Final = 5.0
SLOT_WAITS_MAX: Final = 360  # half an hour
UNCLEAR_STARTS_MAX: Final = 4
UNCLEAR_WAIT_SECONDS: Final = 1.0
DOWNLOAD_TRIES: Final = 3
CLOCK_MARGIN: Final = timedelta(minutes=1)
FILE_BYTES_MAX: Final = 64 * 1024**3

STALLED_SECONDS: Final = {"CREATED": 1_800.0, "RUNNING": 3_600.0}
"""How long an operation may stay in a state without any progress. Shopify itself gives up after ten days only."""

_BUSY: Final = {"LIMIT_REACHED", "OPERATION_IN_PROGRESS"}
_LIVING: Final = {"CREATED", "RUNNING", "COMPLETED"}

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class BulkWish:
    """What an operation is to read, for a job where there is one; `gid` names an operation begun earlier."""

    resource: Resource
    search: str
    job_id: int | None
    gid: str | None


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation that Shopify has accepted."""

    row_id: int
    gid: str
    resource: Resource
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Finished:
    """A completed operation: how many lines its file has, how many of them are records, and how many bytes."""

    url: str | None
    objects: int
    roots: int
    size: int


class BulkReader:
    """Bulk operations of one shop."""

    def __init__(self, access: Access, session: ShopSession, database: Database, folder: Path) -> None:
        self._access = access
        self._session = session
        self._database = database
        self._folder = folder

    async def operation(self, wish: BulkWish, lines: Lines) -> Operation:
        """Return the operation to wait for: the one named, the job's, a lost one, or a new one."""
        row = await self._row(wish)
        if row.gid is not None:
            log.info("bulk_adopted", job_id=wish.job_id, resource=wish.resource.value)
        else:
            found = None if row.is_new else await self._lost_operation(row, wish.resource)
            gid, created_at = found or await self._start(row, wish.resource, lines)
            row = await self._note_started(row, gid, created_at)
        if row.gid is None or row.started_at is None:
            raise Malformed("a bulk operation has no id")
        return Operation(row.id, row.gid, wish.resource, row.started_at)

    async def finished(self, operation: Operation, lines: Lines) -> Finished:
        """Poll until the operation has ended; raise where it ends, or stalls, without a whole file."""
        began = changed = time.monotonic()
        seen: tuple[str, int] | None = None
        while True:
            status = await self._status(operation)
            lines.progress = int(status["objectCount"])
            if status["status"] == "COMPLETED":
                metrics.bulk_seconds.labels(operation.resource.value).observe(_age_seconds(status))
                return await self._finish(operation, status)
            if status["status"] in ("FAILED", "EXPIRED", "CANCELED", "CANCELING"):
                await self._note_ended(operation, "failed")
                if status["errorCode"] == "ACCESS_DENIED":
                    raise AccessDenied("the bulk operation was denied access")
                raise BulkFailed(f"the bulk operation ended as {status['status'].lower()}")
            now = time.monotonic()
            if seen != (status["status"], lines.progress):
                seen, changed = (status["status"], lines.progress), now
            elif now - changed > STALLED_SECONDS.get(status["status"], 0.0):
                await self._give_up(operation)
                raise BulkFailed(f"the bulk operation got stuck as {status['status'].lower()}")
            await self._pause(
                operation, min(POLL_SECONDS_MAX, max(POLL_SECONDS_MIN, POLL_SHARE * (now - began)))
            )

    async def records(self, operation: Operation, finished: Finished) -> AsyncIterator[Batch]:
        """Yield the records of the file; raise BulkFailed where they are not as many as Shopify has counted."""
        if finished.url is None:
            return
        count = 0
        with tempfile.TemporaryDirectory(
            prefix="bulk-", dir=self._folder, ignore_cleanup_errors=True
        ) as folder:
            try:
                spool = await self._download(operation, finished.url, finished, Path(folder))
                async for batch in _in_thread(spool.batches(operation.resource)):
                    count += len(batch)
                    yield batch
                if count != finished.roots:
                    raise BulkFailed(f"the bulk file holds {count} records of {finished.roots}")
            except BulkFailed:
                await self._note_ended(operation, "failed")
                raise
        await self._note_ended(operation, "completed", finished)

    async def _row(self, wish: BulkWish) -> BulkRow:
        installation_id = self._session.installation.id
        async with self._database.transaction() as tx:
            if wish.gid is not None:
                known = await rows.find_by_gid(tx, installation_id=installation_id, gid=wish.gid)
                if known is not None:
                    return known
            return await rows.ensure(
                tx,
                installation_id=installation_id,
                job_id=wish.job_id,
                resource=wish.resource,
                search=wish.search,
            )

    async def _start(self, row: BulkRow, resource: Resource, lines: Lines) -> tuple[str, datetime]:
        """Start an operation; wait while all slots are taken. After an unclear answer look before starting again."""
        query, unclear = bulk_document(resource, row.search), 0
        for _ in range(SLOT_WAITS_MAX):
            try:
                answer = await self._session.call("bulk_run", {"query": query}, idempotent=False)
            except Transient:
                unclear += 1
                if unclear == UNCLEAR_STARTS_MAX:
                    raise
                await asyncio.sleep(UNCLEAR_WAIT_SECONDS * unclear)  # the list may lag behind a start
                found = await self._lost_operation(row, resource)
                if found is not None:
                    return found
                continue
            result = answer.data["bulkOperationRunQuery"]
            codes = {error.get("code") for error in result["userErrors"]}
            if not codes and result["bulkOperation"]:
                return _named(result["bulkOperation"])
            if not codes & _BUSY:
                raise Malformed(f"Shopify refused the bulk query: {', '.join(map(str, codes))}")
            await lines.throttled(SLOT_WAIT_SECONDS)
            await asyncio.sleep(SLOT_WAIT_SECONDS)
        raise BulkBusy("other bulk operations held every slot for half an hour")

    async def _lost_operation(self, row: BulkRow, resource: Resource) -> tuple[str, datetime] | None:
        """Find an operation that we started and whose id was lost before it was stored."""
        query = bulk_document(resource, row.search).strip()
        answer = await self._session.call("bulk_recent")
        for node in answer.data["bulkOperations"]["nodes"]:
            gid, created_at = _named(node)
            if (
                node["status"] in _LIVING
                and node["query"].strip() == query
                and created_at >= row.created_at - CLOCK_MARGIN
            ):
                return gid, created_at
        return None

    async def _note_started(self, row: BulkRow, gid: str, created_at: datetime) -> BulkRow:
        async with self._database.transaction() as tx:
            await rows.note_started(tx, row.id, gid=gid, started_at=created_at)
            return await rows.get(tx, row.id)

    async def _status(self, operation: Operation) -> dict[str, Any]:
        answer = await self._session.call("bulk_status", {"id": operation.gid})
        status: dict[str, Any] | None = answer.data.get("bulkOperation")
        if status is None:
            await self._note_ended(operation, "failed")
            raise BulkExpired("the bulk operation is gone")
        return status

    async def _finish(self, operation: Operation, status: dict[str, Any]) -> Finished:
        finished = Finished(
            url=status["url"],
            objects=int(status["objectCount"]),
            roots=int(status["rootObjectCount"]),
            size=int(status["fileSize"] or 0),
        )
        if finished.url is None and finished.objects:
            await self._note_ended(operation, "failed")
            raise BulkExpired(f"the bulk operation has {finished.objects} objects and no file")
        if finished.url is None:
            await self._note_ended(operation, "completed", finished)
        return finished

    async def _give_up(self, operation: Operation) -> None:
        """Forget an operation that is stuck, and free its slot if Shopify lets us."""
        await self._note_ended(operation, "failed")
        try:
            await self._session.call("bulk_cancel", {"id": operation.gid})
        except FetcherError as error:
            log.warning("bulk_not_cancelled", code=error.code, resource=operation.resource.value)

    async def _pause(self, operation: Operation, seconds: float) -> None:
        """Wait, but not longer than until Shopify's hint that the operation has ended."""
        while seconds > 0:
            await asyncio.sleep(min(seconds, HINT_SECONDS))
            seconds -= HINT_SECONDS
            if seconds > 0:
                async with self._database.transaction() as tx:
                    if await rows.finish_was_seen(tx, operation.row_id):
                        return

    async def _download(self, operation: Operation, url: str, finished: Finished, folder: Path) -> Spool:
        """Spool the whole file; what was cut or garbled on the way is tried again with a fresh address."""
        tries_left = DOWNLOAD_TRIES
        while True:
            spool = Spool(folder, finished.size)  # in the place of the one before
            try:
                await self._fetch(url, spool)
                if spool.lines != finished.objects:
                    raise BulkFailed(f"the bulk file holds {spool.lines} objects of {finished.objects}")
                return spool
            except (Transient, BulkFailed):
                tries_left -= 1
                if not tries_left:
                    raise
            fresh = await self._finish(operation, await self._status(operation))
            url = fresh.url or url

    async def _fetch(self, url: str, spool: Spool) -> None:
        """Fill the spool as the file comes; a chunk takes a millisecond, less than handing it to a thread."""
        size = 0
        with journal("bulk_file", self._session.installation.id), spool.filled() as take:
            async with self._access.shopify.open_bulk_file(url) as chunks:
                async for chunk in chunks:
                    size += len(chunk)
                    if size > FILE_BYTES_MAX:
                        raise Malformed("the bulk file is larger than allowed")
                    take(chunk)

    async def _note_ended(self, operation: Operation, status: str, finished: Finished | None = None) -> None:
        async with self._database.transaction() as tx:
            await rows.note_ended(
                tx,
                operation.row_id,
                status=status,
                object_count=finished.objects if finished else None,
                root_object_count=finished.roots if finished else None,
            )


def _named(operation: dict[str, Any]) -> tuple[str, datetime]:
    return operation["id"], datetime.fromisoformat(operation["createdAt"]).astimezone(UTC)


def _age_seconds(status: dict[str, Any]) -> float:
    created = datetime.fromisoformat(status["createdAt"])
    return (datetime.fromisoformat(status["completedAt"] or status["createdAt"]) - created).total_seconds()


async def _in_thread(batches: Iterator[Batch]) -> AsyncIterator[Batch]:
    """Join off the event loop, so that other streams and calls go on."""
    while (batch := await asyncio.to_thread(next, batches, None)) is not None:
        yield batch
