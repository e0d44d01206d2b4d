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

    def all(self) -> Iterator[Record]:
        """Every matching record by ascending id."""
        return (record for _, key in self.positions("legacyResourceId") if (record := self.get(key)))


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
    positions = listing.positions(sort_field)
    low, high = _window(positions, request, search.bound(sort_field), bool(arguments["reverse"]))
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


def _window(
    positions: list[Position], request: PageRequest, bound: tuple[str, str], is_reversed: bool
) -> tuple[int, int]:
    """The slice of the ascending list that lies within the filter's bounds and between the cursors."""
    low = bisect_left(positions, (bound[0], BEFORE_ALL))
    high = bisect_right(positions, (bound[1], AFTER_ALL))
    lower, upper = (request.before, request.after) if is_reversed else (request.after, request.before)
    if lower:
        low = max(low, bisect_right(positions, lower))
    if upper:
        high = min(high, bisect_left(positions, upper))
    return low, high


def count_records(run: Execution, resource: Resource, arguments: Mapping[str, Any]) -> Record:
    """How many records match, exactly or at least `limit`."""
    listing = Listing(run.context, resource, read_search(run, resource, arguments.get("query")))
    limit = arguments.get("limit")
    total = sum(1 for _ in listing.all())
    if limit is not None and total > limit:
        return {"count": limit, "precision": "AT_LEAST"}
    return {"count": total, "precision": "EXACT"}
