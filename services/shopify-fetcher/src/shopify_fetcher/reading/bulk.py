"""Reads a whole resource by a bulk operation: start or adopt it, wait for it, stream its file."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog

from shopify_fetcher import metrics
from shopify_fetcher.access.session import Access, ShopSession
from shopify_fetcher.clients.documents import bulk_document
from shopify_fetcher.domain.cursor import BulkCursor
from shopify_fetcher.domain.search import Window
from shopify_fetcher.errors import AccessDenied, BulkFailed, Malformed, Transient
from shopify_fetcher.reading.counts import count_of
from shopify_fetcher.reading.lines import Lines
from shopify_fetcher.reading.spool import Batch, batches
from shopify_fetcher.store import bulk as rows
from shopify_fetcher.store.bulk import BulkRow
from sync_common.contracts.resources import Resource
from sync_common.db import Database

POLL_SECONDS_MIN: Final = 0.2
POLL_SECONDS_MAX: Final = 5.0
POLL_SHARE: Final = 0.1  # of the time waited so far: short operations are noticed at once
HINT_SECONDS: Final = 0.5
SLOT_WAIT_SECONDS: Final = 5.0
SLOT_WAITS_MAX: Final = 1_440  # two hours
UNCLEAR_STARTS_MAX: Final = 4
UNCLEAR_WAIT_SECONDS: Final = 1.0
DOWNLOAD_TRIES: Final = 3
CLOCK_MARGIN: Final = timedelta(minutes=1)
FILE_BYTES_MAX: Final = 64 * 1024**3

_BUSY: Final = {"LIMIT_REACHED", "OPERATION_IN_PROGRESS"}
_LIVING: Final = {"CREATED", "RUNNING", "COMPLETED"}

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class BulkRead:
    """What is to be read: one resource within a window, for a job where there is one."""

    resource: Resource
    window: Window
    job_id: int | None
    cursor: BulkCursor | None

    @property
    def search(self) -> str:
        """Return the search expression that the operation runs with."""
        return self.window.search(self.resource)


@dataclass(frozen=True, slots=True)
class _Finished:
    url: str | None
    objects: int
    roots: int


class BulkReader:
    """One read by bulk operation."""

    def __init__(self, access: Access, session: ShopSession, database: Database, folder: Path) -> None:
        self._access = access
        self._session = session
        self._database = database
        self._folder = folder

    async def read(self, wish: BulkRead, lines: Lines) -> None:
        """Put every record of the resource on the lines, then `done`; raise when the file is not whole."""
        operation = await self._operation(wish, lines)
        if operation.total is not None:
            await lines.total(operation.total)
        if operation.gid is None or operation.started_at is None:
            raise Malformed("a bulk operation has no id")
        await lines.started(operation.started_at, operation.started_at)
        finished = await self._finished(operation, operation.gid, wish.resource, lines)
        skipped = wish.cursor.emitted if wish.cursor and wish.cursor.gid == operation.gid else 0
        emitted = await self._emit(operation, operation.gid, finished, wish.resource, lines, skipped)
        if emitted != finished.roots:
            raise BulkFailed(f"the bulk file holds {emitted} records of {finished.roots}")
        await self._note_ended(operation.id, "completed", finished)
        await lines.done(emitted, finished.objects)

    async def _operation(self, wish: BulkRead, lines: Lines) -> BulkRow:
        """Return the operation to wait for: the cursor's, the job's, a lost one, or a new one."""
        installation_id = self._session.installation.id
        async with self._database.transaction() as tx:
            if wish.cursor is not None:
                known = await rows.find_by_gid(tx, installation_id=installation_id, gid=wish.cursor.gid)
                if known is not None:
                    return known
            row = await rows.ensure(
                tx,
                installation_id=installation_id,
                job_id=wish.job_id,
                resource=wish.resource,
                search=wish.search,
            )
        if row.gid is not None:
            log.info("bulk_adopted", job_id=wish.job_id, resource=wish.resource.value)
            return row
        total = await count_of(self._session, wish.resource, wish.search)
        found = None if row.is_new else await self._lost_operation(row, wish.resource)
        gid, created_at = found or await self._start(row, wish.resource, lines)
        return await self._note_started(row, gid, created_at, total)

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
        raise BulkFailed("no bulk operation could be started within two hours")

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

    async def _note_started(self, row: BulkRow, gid: str, created_at: datetime, total: int | None) -> BulkRow:
        async with self._database.transaction() as tx:
            await rows.note_started(tx, row.id, gid=gid, started_at=created_at, total=total)
            return await rows.get(tx, row.id)

    async def _finished(self, operation: BulkRow, gid: str, resource: Resource, lines: Lines) -> _Finished:
        """Poll until the operation has ended; whatever is no whole file raises."""
        began = time.monotonic()
        while True:
            status = (await self._session.call("bulk_status", {"id": gid})).data.get("bulkOperation")
            if status is None:
                await self._note_ended(operation.id, "failed", None)
                raise BulkFailed("the bulk operation is gone")
            lines.progress = int(status["objectCount"])
            if status["status"] == "COMPLETED":
                metrics.bulk_seconds.labels(resource.value).observe(_age_seconds(status))
                return _finish(status)
            if status["status"] in ("FAILED", "EXPIRED", "CANCELED", "CANCELING"):
                await self._note_ended(operation.id, "failed", None)
                if status["errorCode"] == "ACCESS_DENIED":
                    raise AccessDenied("the bulk operation was denied access")
                raise BulkFailed(f"the bulk operation ended as {status['status'].lower()}")
            waited = time.monotonic() - began
            await self._pause(operation.id, min(POLL_SECONDS_MAX, max(POLL_SECONDS_MIN, POLL_SHARE * waited)))

    async def _pause(self, row_id: int, seconds: float) -> None:
        """Wait, but not longer than until Shopify's hint that the operation has ended."""
        while seconds > 0:
            await asyncio.sleep(min(seconds, HINT_SECONDS))
            seconds -= HINT_SECONDS
            if seconds > 0:
                async with self._database.transaction() as tx:
                    if await rows.finish_was_seen(tx, row_id):
                        return

    async def _emit(
        self,
        operation: BulkRow,
        gid: str,
        finished: _Finished,
        resource: Resource,
        lines: Lines,
        skipped: int,
    ) -> int:
        """Put the file's records on the lines, those behind the cursor left out; return how many there are."""
        if finished.url is None or operation.started_at is None:
            return 0
        seen = 0
        with tempfile.TemporaryDirectory(
            prefix="bulk-", dir=self._folder, ignore_cleanup_errors=True
        ) as folder:
            file = await self._download(gid, finished.url, finished, Path(folder) / "file.jsonl")
            async for batch in _in_thread(file, resource):
                seen += len(batch)
                fresh = batch[max(0, skipped - (seen - len(batch))) :]
                if fresh:
                    metrics.records_streamed.labels(resource.value, "bulk").inc(len(fresh))
                    await lines.page(fresh, operation.started_at, BulkCursor(gid, seen))
        return seen

    async def _download(self, gid: str, url: str, finished: _Finished, file: Path) -> Path:
        """Fetch the whole file; a cut download is tried again with a fresh address."""
        for attempt in range(1, DOWNLOAD_TRIES + 1):
            try:
                objects = await self._fetch(url, file)
            except Transient:
                if attempt == DOWNLOAD_TRIES:
                    raise
            else:
                if objects == finished.objects:
                    return file
            status = (await self._session.call("bulk_status", {"id": gid})).data.get("bulkOperation")
            if status is None or status["url"] is None:
                raise BulkFailed("the bulk file is gone")
            url = status["url"]
        raise BulkFailed(f"the bulk file holds {objects} objects of {finished.objects}")

    async def _fetch(self, url: str, file: Path) -> int:
        """Write the file to disk and return how many lines it has."""
        count, size, last = 0, 0, b"\n"
        async with self._access.shopify.open_bulk_file(url) as chunks:
            with file.open("wb") as target:
                async for chunk in chunks:
                    target.write(chunk)
                    count, size, last = count + chunk.count(b"\n"), size + len(chunk), chunk[-1:]
                    if size > FILE_BYTES_MAX:
                        raise Malformed("the bulk file is larger than allowed")
        return count + (last != b"\n")

    async def _note_ended(self, row_id: int, status: str, finished: _Finished | None) -> None:
        async with self._database.transaction() as tx:
            await rows.note_ended(
                tx,
                row_id,
                status=status,
                object_count=finished.objects if finished else None,
                root_object_count=finished.roots if finished else None,
            )


def _named(operation: dict[str, Any]) -> tuple[str, datetime]:
    return operation["id"], datetime.fromisoformat(operation["createdAt"]).astimezone(UTC)


def _age_seconds(status: dict[str, Any]) -> float:
    created = datetime.fromisoformat(status["createdAt"])
    return (datetime.fromisoformat(status["completedAt"] or status["createdAt"]) - created).total_seconds()


def _finish(status: dict[str, Any]) -> _Finished:
    finished = _Finished(status["url"], int(status["objectCount"]), int(status["rootObjectCount"]))
    if finished.url is None and finished.objects:
        raise BulkFailed(f"the bulk operation has {finished.objects} objects and no file")
    return finished


async def _in_thread(file: Path, resource: Resource) -> AsyncIterator[Batch]:
    """Join off the event loop, so that other streams and calls go on."""
    found = batches(file, resource)
    while (batch := await asyncio.to_thread(next, found, None)) is not None:
        yield batch
