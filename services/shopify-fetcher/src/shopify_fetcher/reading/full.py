"""Reads a whole resource: by one bulk operation, else by several over ranges of ids, else by pages.

Where the newest records are wanted first, a large resource is cut into ranges of ids from the beginning: ids grow with
creation.

A partial file is never used: the order of its lines is not promised, so it says nothing of what it lacks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil
from typing import Final

import structlog
from msgspec import structs

from shopify_fetcher import metrics
from shopify_fetcher.access.session import ShopSession
from shopify_fetcher.domain.cursor import FullCursor, Piece
from shopify_fetcher.domain.search import Window
from shopify_fetcher.domain.slices import IdRange, opened, split
from shopify_fetcher.errors import BulkBusy, BulkExpired, BulkFailed
from shopify_fetcher.reading.bulk import BulkReader, BulkWish
from shopify_fetcher.reading.counts import counted
from shopify_fetcher.reading.lines import Lines
from shopify_fetcher.reading.ranges import bounds, even_ranges
from shopify_fetcher.reading.records import PageSize, encoded, next_number, page_of
from sync_common.contracts.resources import Resource

SLICES: Final = 4
PIECE_RECORDS: Final = 25_000
"""How many records a piece holds at most where the newest come first, unless there would be too many pieces."""

PIECES: Final = 24
"""Into how many pieces a large resource is cut, at most twice as many where ids lie unevenly: the cursor names them."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class FullRead:
    """What is to be read: one resource within a window, for a job where there is one; the cursor to go on from."""

    resource: Resource
    window: Window
    job_id: int | None
    cursor: FullCursor | None
    newest_first: bool = False


class FullReader:
    """One full read. Pieces are read one after the other; each ends whole or is read in another way."""

    def __init__(self, session: ShopSession, bulk: BulkReader, wish: FullRead, lines: Lines) -> None:
        self._session = session
        self._bulk = bulk
        self._wish = wish
        self._lines = lines
        self._told: datetime | None = None

    async def read(self) -> None:
        """Put every record of the resource on the lines, then `done`."""
        at = self._wish.cursor or await self._begin()
        while at.left:
            try:
                at = await (self._by_pages(at) if at.left[0].by_pages else self._in_bulk(at))
            except BulkFailed as error:
                at = await self._another_way(at, error)
        await self._lines.done(at.read, at.objects)

    async def _begin(self) -> FullCursor:
        [total], answer = await counted(self._session, self._wish.resource, [self._wish.window])
        await self._lines.total(total)
        left = await self._newest_first(total) if self._wish.newest_first else (Piece(),)
        cursor = FullCursor(began=answer.shopify_time, left=left)
        if len(left) > 1:  # another moment would cut otherwise: whoever resumes goes on with these pieces
            await self._lines.page([], answer.observed_at, cursor)
        return cursor

    async def _newest_first(self, total: int) -> tuple[Piece, ...]:
        """Cut the resource into pieces of about equally many records, the newest first; a small one is one piece."""
        most = max(PIECE_RECORDS, ceil(total / PIECES))
        if total <= most:
            return (Piece(),)
        ranges = await even_ranges(self._session, self._wish.resource, self._wish.window, most=most)
        return tuple(Piece(ids) for ids in reversed(opened(ranges))) or (Piece(),)

    async def _in_bulk(self, at: FullCursor) -> FullCursor:
        """Read the piece in hand by a bulk operation, those records left out that were handed over before."""
        resource, lines = self._wish.resource, self._lines
        search = self._search(at.left[0].ids)
        operation = await self._bulk.operation(BulkWish(resource, search, self._wish.job_id, at.gid), lines)
        handed_over = at.emitted if at.gid == operation.gid else 0
        at = structs.replace(at, gid=operation.gid, began=min(at.began, operation.started_at))
        await self._tell_start(at)
        finished = await self._bulk.finished(operation, lines)
        seen = 0
        async for batch in self._bulk.records(operation, finished):
            seen += len(batch)
            fresh = batch[max(0, handed_over - (seen - len(batch))) :]
            if fresh:
                metrics.records_streamed.labels(resource.value, "bulk").inc(len(fresh))
                await lines.page(fresh, operation.started_at, structs.replace(at, emitted=seen))
        return _next_piece(at, read=seen, objects=finished.objects)

    async def _by_pages(self, at: FullCursor) -> FullCursor:
        """Read the piece in hand in the order of ids: whatever changes meanwhile, no record moves."""
        resource, size = self._wish.resource, PageSize(self._wish.resource)
        await self._tell_start(at)
        while True:
            ids = at.left[0].ids
            variables = {"query": self._search(ids)}
            answer, page = await page_of(self._session, resource, f"{resource}_by_id", variables, size)
            records = await encoded(self._session, resource, page["nodes"])
            following = next_number(page)
            emitted = at.emitted + len(records)
            if following is None:
                at = _next_piece(at, read=emitted, objects=None)
            else:
                rest = Piece(ids.starting(following), by_pages=True)
                at = structs.replace(at, left=(rest, *at.left[1:]), emitted=emitted)
            metrics.records_streamed.labels(resource.value, "by_id").inc(len(records))
            await self._lines.page(records, answer.observed_at, at)
            if following is None:
                return at

    async def _another_way(self, at: FullCursor, error: BulkFailed) -> FullCursor:
        """Say how to read the piece on which a bulk operation failed."""
        piece, rest = at.left[0], at.left[1:]
        if isinstance(error, BulkExpired):
            pieces: Sequence[Piece] = (piece,)
        elif isinstance(error, BulkBusy) or piece != Piece():
            pieces = (Piece(piece.ids, by_pages=True),)
        else:
            pieces = [Piece(ids) for ids in await self._slices()]
        log.warning(
            "bulk_failed",
            installation_id=self._session.installation.id,
            job_id=self._wish.job_id,
            resource=self._wish.resource.value,
            reason=str(error),
            count=len(pieces),
            kind="pages" if pieces and pieces[0].by_pages else "bulk",
        )
        metrics.bulk_failures.labels(self._wish.resource.value, type(error).__name__).inc()
        return structs.replace(at, left=(*pieces, *rest), gid=None, emitted=0)

    async def _slices(self) -> Sequence[IdRange]:
        """Cut the ids that there are into ranges."""
        ids = await bounds(self._session, self._wish.resource, self._wish.window)
        ranges = () if ids is None else split(ids, SLICES)
        return ranges[::-1] if self._wish.newest_first else ranges

    def _search(self, ids: IdRange) -> str:
        return replace(self._wish.window, ids=ids).search(self._wish.resource)

    async def _tell_start(self, at: FullCursor) -> None:
        """Tell when reading began: an operation that was adopted may be older than this stream."""
        if self._told is None or at.began < self._told:
            await self._lines.started(at.began, at.began)
            self._told = at.began


def _next_piece(at: FullCursor, *, read: int, objects: int | None) -> FullCursor:
    total = None if at.objects is None or objects is None else at.objects + objects
    return FullCursor(began=at.began, left=at.left[1:], read=at.read + read, objects=total)
