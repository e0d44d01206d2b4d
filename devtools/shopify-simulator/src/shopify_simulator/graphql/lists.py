"""Lists of a shop's customers, orders and products: filter, sort, page and count."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Mapping
from typing import Any

from shopify_simulator.graphql.access import orders_visible_from
from shopify_simulator.graphql.context import Execution, RequestContext
from shopify_simulator.graphql.errors import BadRequest
from shopify_simulator.graphql.paging import Page, PageRequest, Position, page_request
from shopify_simulator.graphql.protected import seen
from shopify_simulator.graphql.search import VOCABULARIES, Search, SearchError, parse_search
from shopify_simulator.shop.model import Record, Resource

COUNT_LIMIT = 10_000
SORT_FIELDS = {
    "CREATED_AT": "createdAt",
    "ID": "legacyResourceId",
    "PROCESSED_AT": "processedAt",
    "TITLE": "title",
    "UPDATED_AT": "updatedAt",
}
BEFORE_ALL = -1
AFTER_ALL = 1 << 63


class Listing:
    """The records of one resource as the search index shows them to this request.

    The index may lag: then filter and order use the version of a record that it still holds, while the record answered
    is the current one. A record that the index does not know yet is missing.
    """

    def __init__(self, context: RequestContext, resource: Resource, search: Search) -> None:
        self.shop, self.resource = context.shop, resource
        self.records = context.shop.records(resource)
        self.search = search
        self.visible_from = orders_visible_from(context) if resource == "orders" else ""
        self.overlay = _unindexed_changes(context, resource)

    def positions(self, sort_field: str) -> list[Position]:
        """Every indexed record in ascending order."""
        index = self.records.sorted_by(sort_field)
        if not self.overlay:
            return index
        result = [position for position in index if position[1] not in self.overlay]
        for key, record in self.overlay.items():
            if record is not None:
                insort(result, (self.records.sort_value(record, sort_field), key))
        return result

    def get(self, key: int) -> Record | None:
        """The record as the app sees it, if it matches and is visible."""
        record = self.records.get(key)
        indexed = self.overlay.get(key, record)
        if record is None or indexed is None or record["createdAt"] < self.visible_from:
            return None
        return seen(self.shop, self.resource, record) if self.search.matches(indexed) else None

    def within(self, sort_field: str) -> tuple[list[Position], int, int]:
        """Every indexed record in ascending order, and the slice of them that lies within the filter's bounds."""
        positions = self.positions(sort_field)
        low, high = self.search.bound(sort_field)
        return (
            positions,
            bisect_left(positions, (low, BEFORE_ALL)),
            bisect_right(positions, (high, AFTER_ALL)),
        )

    def all(self) -> Iterator[Record]:
        """Every matching record by ascending id."""
        return self._matching(*self.within("legacyResourceId"))

    def count(self) -> int:
        """How many records match; only those are looked at that lie within the narrowest of the filter's bounds."""
        slices = [self.within(name) for name in {"legacyResourceId", *self.search.bounds}]
        narrowest = min(slices, key=lambda one: one[2] - one[1])
        return sum(1 for _ in self._matching(*narrowest))

    def _matching(self, positions: list[Position], low: int, high: int) -> Iterator[Record]:
        return (record for _, key in positions[low:high] if (record := self.get(key)))


def _unindexed_changes(context: RequestContext, resource: Resource) -> dict[int, Record | None]:
    lag = context.shop.index_lag
    if not lag:
        return {}
    indexed_until = context.now() - lag
    result: dict[int, Record | None] = {}
    for changed_at, changed, key, before in reversed(context.shop.recent):
        if changed_at <= indexed_until:
            break
        if changed == resource:
            result[key] = before
    return result


def read_search(run: Execution, resource: str, query: str | None) -> Search:
    """Parse a filter and note the warnings that Shopify would give."""
    try:
        search = parse_search(query, VOCABULARIES[resource], run.context.shop.zone)
    except SearchError as error:
        raise BadRequest(f"Invalid search query: {error}") from error
    if search.ignored:
        warnings = [
            {"field": name, "message": "Invalid search field for this query.", "code": "invalid_field"}
            for name in search.ignored
        ]
        run.search_warnings.append({"path": [resource], "query": query, "warnings": warnings})
    return search


def page_of_records(run: Execution, resource: Resource, arguments: Mapping[str, Any]) -> Page:
    """One page of a top-level list."""
    request = page_request(arguments)
    search = read_search(run, resource, arguments.get("query"))
    listing = Listing(run.context, resource, search)
    sort_field = SORT_FIELDS[arguments["sortKey"]]
    positions, low, high = listing.within(sort_field)
    low, high = _between_cursors(positions, low, high, request, is_reversed=bool(arguments["reverse"]))
    descending = bool(arguments["reverse"]) != request.is_backward
    window: Iterator[int] = iter(range(high - 1, low - 1, -1) if descending else range(low, high))
    found: list[tuple[Record, Position]] = []
    for offset in window:
        record = listing.get(positions[offset][1])
        if record is None:
            continue
        found.append((record, positions[offset]))
        if len(found) > request.size:
            break
    has_more = len(found) > request.size
    del found[request.size :]
    if request.is_backward:
        found.reverse()
    return Page(
        request,
        [record for record, _ in found],
        [position for _, position in found],
        has_next=bool(request.before) if request.is_backward else has_more,
        has_previous=has_more if request.is_backward else bool(request.after),
    )


def _between_cursors(
    positions: list[Position], low: int, high: int, request: PageRequest, *, is_reversed: bool
) -> tuple[int, int]:
    """What of a slice of the ascending list lies between the cursors."""
    lower, upper = (request.before, request.after) if is_reversed else (request.after, request.before)
    if lower:
        low = max(low, bisect_right(positions, lower))
    if upper:
        high = min(high, bisect_left(positions, upper))
    return low, high


def count_records(run: Execution, resource: Resource, arguments: Mapping[str, Any]) -> Record:
    """How many records match, exactly or at least `limit`."""
    search = read_search(run, f"{resource}Count", arguments.get("query"))
    limit = arguments.get("limit")
    total = Listing(run.context, resource, search).count()
    if limit is not None and total > limit:
        return {"count": limit, "precision": "AT_LEAST"}
    return {"count": total, "precision": "EXACT"}
