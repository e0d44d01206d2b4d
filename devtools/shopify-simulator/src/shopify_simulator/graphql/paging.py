"""Connections: opaque cursors, page sizes and the pages themselves."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shopify_simulator.graphql.errors import BadRequest
from shopify_simulator.shop.model import Record

PAGE_SIZE_MAX = 250

Position = tuple[str, int]


def encode_cursor(position: Position) -> str:
    """Hide a place in a sorted list: (value sorted by, id)."""
    value, number = position
    packed = json.dumps({"last_id": number, "last_value": value}, separators=(",", ":"))
    return base64.b64encode(packed.encode()).decode()


def decode_cursor(cursor: str) -> Position:
    """Read a cursor that was given out for the same sort."""
    try:
        unpacked = json.loads(base64.b64decode(cursor, validate=True))
        return str(unpacked["last_value"]), int(unpacked["last_id"])
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise BadRequest("Invalid cursor for current pagination sort.") from error


@dataclass(frozen=True, slots=True)
class PageRequest:
    """The paging arguments of a connection."""

    size: int
    after: str | None
    before: str | None
    is_backward: bool


def page_request(arguments: Mapping[str, Any]) -> PageRequest:
    """Read and check `first`, `last`, `after` and `before`."""
    first, last = arguments.get("first"), arguments.get("last")
    if first is None and last is None:
        raise BadRequest("you must provide one of first or last")
    if first is not None and last is not None:
        raise BadRequest("providing both first and last is not supported")
    size = first if first is not None else last
    name = "first" if first is not None else "last"
    if size is None or not 0 <= size <= PAGE_SIZE_MAX:
        raise BadRequest(f"{name} must be between 0 and {PAGE_SIZE_MAX}")
    return PageRequest(size, arguments.get("after"), arguments.get("before"), last is not None)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a connection; answers like a record, so that no field needs a resolver of its own."""

    nodes: Sequence[Record]
    positions: Sequence[Position]
    has_next: bool
    has_previous: bool

    def get(self, name: str) -> Any:
        """A field of the connection."""
        if name == "nodes":
            return self.nodes
        if name == "edges":
            pairs = zip(self.nodes, self.positions, strict=True)
            return [{"node": node, "cursor": encode_cursor(position)} for node, position in pairs]
        return {
            "hasNextPage": self.has_next,
            "hasPreviousPage": self.has_previous,
            "startCursor": encode_cursor(self.positions[0]) if self.positions else None,
            "endCursor": encode_cursor(self.positions[-1]) if self.positions else None,
        }


def page_of_list(items: Sequence[Record], arguments: Mapping[str, Any]) -> Page:
    """One page of a list that a record holds, in the list's own order."""
    request = page_request(arguments)
    ordered = list(reversed(items)) if arguments.get("reverse") else items
    start = _offset(request.after) + 1 if request.after else 0
    stop = _offset(request.before) if request.before else len(ordered)
    if request.is_backward:
        start = max(start, stop - request.size)
    else:
        stop = min(stop, start + request.size)
    nodes = ordered[start:stop]
    positions = [("", offset) for offset in range(start, start + len(nodes))]
    return Page(nodes, positions, has_next=stop < len(ordered), has_previous=start > 0)


def _offset(cursor: str) -> int:
    return decode_cursor(cursor)[1]
