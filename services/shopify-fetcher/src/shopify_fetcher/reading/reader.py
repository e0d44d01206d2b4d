"""The front door of reading: which reader serves which wish."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from shopify_fetcher import metrics
from shopify_fetcher.access.session import Access
from shopify_fetcher.domain.budget import Lane
from shopify_fetcher.domain.cursor import Cursor, FullCursor, PageCursor
from shopify_fetcher.domain.search import Window
from shopify_fetcher.errors import BadCursor, FetcherError
from shopify_fetcher.reading.bulk import BulkReader
from shopify_fetcher.reading.full import FullRead, FullReader
from shopify_fetcher.reading.lines import Lines
from shopify_fetcher.reading.pages import PagedRead, PagedReader
from shopify_fetcher.store.installations import Installation
from sync_common.contracts.resources import Resource
from sync_common.db import Database


class Mode(StrEnum):
    """How a resource is read."""

    BULK = "bulk"
    PAGED = "paged"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a caller wants to read."""

    resource: Resource
    mode: Mode
    window: Window
    lane: Lane
    job_id: int | None
    cursor: Cursor | None
    newest_first: bool = False


class Reader:
    """Reads records of any installation."""

    def __init__(self, access: Access, database: Database, folder: Path) -> None:
        self._access = access
        self._database = database
        self._folder = folder

    def prepare(self, installation: Installation, wish: Wish) -> Callable[[Lines], Awaitable[None]]:
        """Return what puts the wished records on the lines; raise BadCursor before anything is sent."""
        reading = self._reading(installation, wish)

        async def read(lines: Lines) -> None:
            outcome = "broken"
            try:
                await reading(lines)
                outcome = "done"
            except FetcherError as error:
                outcome = error.code
                raise
            finally:
                metrics.streams_ended.labels(wish.resource.value, outcome).inc()

        return read

    def _reading(self, installation: Installation, wish: Wish) -> Callable[[Lines], Awaitable[None]]:
        cursor = wish.cursor
        if wish.mode is Mode.BULK:
            if isinstance(cursor, PageCursor):
                raise BadCursor("the cursor is not one of a bulk read")
            full = FullRead(wish.resource, wish.window, wish.job_id, cursor, wish.newest_first)
            return lambda lines: self._full(installation, wish.lane, full, lines).read()
        if isinstance(cursor, FullCursor):
            raise BadCursor("the cursor is not one of a paged read")
        paged = PagedRead(wish.resource, wish.window, cursor)
        return lambda lines: PagedReader(self._access.session(installation, wish.lane, lines.throttled)).read(
            paged, lines
        )

    def _full(self, installation: Installation, lane: Lane, wish: FullRead, lines: Lines) -> FullReader:
        session = self._access.session(installation, lane, lines.throttled)
        bulk = BulkReader(self._access, session, self._database, self._folder)
        return FullReader(session, bulk, wish, lines)
