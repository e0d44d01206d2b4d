"""Cursors: opaque to callers, complete for us. They hold no secret, and nothing in them is trusted. Pure."""

import base64
import binascii
from datetime import datetime

import msgspec

from shopify_fetcher.errors import BadCursor


class BulkCursor(msgspec.Struct, frozen=True, tag="bulk"):
    """How many records of one operation's file have been emitted."""

    gid: str
    emitted: int


class PageCursor(msgspec.Struct, frozen=True, tag="page"):
    """Where paging stands. The upper bound and the start belong to it: a cursor is only good with the same query."""

    after: str | None
    until: datetime
    emitted: int


Cursor = BulkCursor | PageCursor


def encode(cursor: Cursor) -> str:
    """Write a cursor as URL-safe text."""
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).decode().rstrip("=")


def decode(text: str) -> Cursor:
    """Read a cursor back; raise BadCursor for anything else."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        cursor: Cursor = msgspec.json.decode(raw, type=Cursor)
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise BadCursor("the cursor cannot be read") from None
    return cursor
