"""Connections: opaque cursors, page sizes and the pages themselves."""

import base64
import binascii
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shopify_simulator.graphql.errors import BadRequest
from shopify_simulator.shop.model import Record

PAGE_SIZE_MAX = 250
PAGED_OBJECTS_MAX = 25_000
INVALID_CURSOR = "Invalid cursor for current pagination sort."
PLACE_ARGUMENTS = {"first", "last", "after", "before", "reverse"}

Position = tuple[str, int]


@dataclass(frozen=True, slots=True)
class PageRequest:
    """The paging arguments of a connection; `seen` objects were on the pages before this one."""

    size: int
    after: Position | None
    before: Position | None
    is_backward: bool
    seen: int
    list_key: int


def page_request(arguments: Mapping[str, Any]) -> PageRequest:
    """Read and check `first`, `last`, `after` and `before`."""
    first, last = arguments.get("first"), arguments.get("last")
    if first is None and last is None:
        raise BadRequest("you must provide one of first or last")
    if first is not None and last is not None:
        raise BadRequest("providing both first and last is not supported")
    is_backward = last is not None
    size = checked_size("last", last) if is_backward else checked_size("first", first)
    list_key = _list_key(arguments)
    after, seen_after = _read_cursor(arguments.get("after"), list_key)
    before, seen_before = _read_cursor(arguments.get("before"), list_key)
    seen = seen_before if is_backward else seen_after
    if seen + size > PAGED_OBJECTS_MAX:
        raise BadRequest(f"Pages of one connection end at {PAGED_OBJECTS_MAX} objects.")
    return PageRequest(size, after, before, is_backward, seen, list_key)


def checked_size(name: str, size: Any) -> int:
    """The size that an argument asks for."""
    if not 0 <= size <= PAGE_SIZE_MAX:
        raise BadRequest(f"{name} must be between 0 and {PAGE_SIZE_MAX}")
    return int(size)


def _list_key(arguments: Mapping[str, Any]) -> int:
    """What a list is filtered and sorted by; a cursor is good for no other."""
    chosen = sorted((name, value) for name, value in arguments.items() if name not in PLACE_ARGUMENTS)
    return zlib.crc32(repr(chosen).encode())


def _read_cursor(cursor: str | None, list_key: int) -> tuple[Position | None, int]:
    """The place that a cursor hides, and how many objects had been seen with it."""
    if not cursor:
        return None, 0
    try:
        hidden = json.loads(base64.b64decode(cursor, validate=True))
        place, seen, of = (str(hidden["last_value"]), int(hidden["last_id"])), hidden["seen"], hidden["list"]
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise BadRequest(INVALID_CURSOR) from error
    if of != list_key:
        raise BadRequest(INVALID_CURSOR)
    return place, seen


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a connection; answers like a record, so that no field needs a resolver of its own."""

    request: PageRequest
    nodes: Sequence[Record]
    positions: Sequence[Position]
    has_next: bool
    has_previous: bool

    def get(self, name: str) -> Any:
        """A field of the connection."""
        if name == "nodes":
            return self.nodes
        if name == "edges":
            return [{"node": node, "cursor": self._cursor(index)} for index, node in enumerate(self.nodes)]
        return {
            "hasNextPage": self.has_next,
            "hasPreviousPage": self.has_previous,
            "startCursor": self._cursor(0) if self.nodes else None,
            "endCursor": self._cursor(len(self.nodes) - 1) if self.nodes else None,
        }

    def _cursor(self, index: int) -> str:
        """Hide the place of a node: (value sorted by, id)."""
        value, number = self.positions[index]
        passed = len(self.nodes) - index if self.request.is_backward else index + 1
        hidden = {
            "last_id": number,
            "last_value": value,
            "seen": self.request.seen + passed,
            "list": self.request.list_key,
        }
        return base64.b64encode(json.dumps(hidden, separators=(",", ":")).encode()).decode()


def page_of_list(items: Sequence[Record], arguments: Mapping[str, Any]) -> Page:
    """One page of a list that a record holds, in the list's own order."""
    request = page_request(arguments)
    ordered = list(reversed(items)) if arguments.get("reverse") else items
    start = request.after[1] + 1 if request.after else 0
    stop = request.before[1] if request.before else len(ordered)
    if request.is_backward:
        start = max(start, stop - request.size)
    else:
        stop = min(stop, start + request.size)
    nodes = ordered[start:stop]
    positions = [("", offset) for offset in range(start, start + len(nodes))]
    return Page(request, nodes, positions, has_next=stop < len(ordered), has_previous=start > 0)


def first_of(items: Sequence[Record], arguments: Mapping[str, Any]) -> Sequence[Record]:
    """The beginning of a list that is no connection, as long as `first` asks."""
    size = arguments.get("first")
    return items if size is None else items[: checked_size("first", size)]
