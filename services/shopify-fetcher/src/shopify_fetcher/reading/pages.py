"""Reads a window of a resource page by page, in the order of change."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from shopify_fetcher import metrics
from shopify_fetcher.access.session import ShopSession
from shopify_fetcher.domain.cursor import PageCursor
from shopify_fetcher.domain.search import Window
from shopify_fetcher.reading.counts import counted
from shopify_fetcher.reading.lines import Lines
from shopify_fetcher.reading.records import PageSize, encoded, page_of
from sync_common.contracts.resources import Resource

LISTED_MAX: Final = 20_000  # paging of one connection ends at 25,000 objects (API limits)


@dataclass(frozen=True, slots=True)
class PagedRead:
    """What is to be read, and the cursor to go on from."""

    resource: Resource
    window: Window
    cursor: PageCursor | None


class PagedReader:
    """One read by pages."""

    def __init__(self, session: ShopSession) -> None:
        self._session = session

    async def read(self, wish: PagedRead, lines: Lines) -> None:
        """Put every record of the window on the lines, then `done`."""
        cursor, total, observed_at = await self._begin(wish)
        await lines.total(total)
        await lines.started(observed_at, cursor.until)
        size, has_more = PageSize(wish.resource), True
        while has_more:
            window = replace(
                wish.window, until=cursor.until, updated_since=cursor.since or wish.window.updated_since
            )
            variables = {"after": cursor.after, "query": window.search(wish.resource)}
            answer, page = await page_of(
                self._session, wish.resource, f"{wish.resource}_page", variables, size
            )
            covered = [record for record in page["nodes"] if window.covers(record)]
            records = await encoded(self._session, wish.resource, covered)
            has_more = bool(page["pageInfo"]["hasNextPage"])
            cursor = _after(cursor, page, window, emitted=cursor.emitted + len(records))
            metrics.records_streamed.labels(wish.resource.value, "paged").inc(len(records))
            await lines.page(records, answer.observed_at, cursor)
        await lines.done(cursor.emitted, None)

    async def _begin(self, wish: PagedRead) -> tuple[PageCursor, int, Any]:
        """Close the window at Shopify's present time, or at the time that the cursor was begun with."""
        if wish.cursor is not None:
            window = replace(wish.window, until=wish.cursor.until)
            [total], answer = await counted(self._session, wish.resource, [window])
            return wish.cursor, total, answer.observed_at
        [total], answer = await counted(self._session, wish.resource, [wish.window])
        return PageCursor(None, answer.shopify_time, 0), total, answer.observed_at


def _after(cursor: PageCursor, page: dict[str, Any], window: Window, *, emitted: int) -> PageCursor:
    """Return where to go on. A list that grows long is left for a new window, which begins with its last second."""
    nodes, end = page["nodes"], page["pageInfo"]["endCursor"]
    listed = cursor.listed + len(nodes)
    if listed >= LISTED_MAX:
        since = datetime.fromisoformat(nodes[-1]["updatedAt"])
        if window.updated_since is None or since > window.updated_since:
            return PageCursor(None, cursor.until, emitted, since)
    return PageCursor(end or cursor.after, cursor.until, emitted, cursor.since, listed)
