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


class PageCursor(msgspec.Struct, frozen=True, tag="page", omit_defaults=True):
    """Where paging stands. The bounds belong to it: a cursor of Shopify's is only good with the same query.

    `since` is where the window in hand begins, if it is not the first one; `listed` counts what its list has given.
    """

    after: str | None
    until: datetime
    emitted: int
    since: datetime | None = None
    listed: int = 0


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
