"""Cursors: opaque to callers, complete for us. They hold no secret, and nothing in them is trusted. Pure."""

import base64
import binascii
from datetime import datetime

import msgspec

from shopify_fetcher.domain.slices import ALL_IDS, IdRange
from shopify_fetcher.errors import BadCursor

CURSOR_CHARS_MAX = 4_096
"""How long a cursor may be: one that names as many pieces as a read is ever cut into is shorter."""


class Piece(msgspec.Struct, frozen=True, array_like=True):
    """A part of a resource: all of it or a range of numbers, read in bulk or by pages."""

    ids: IdRange = ALL_IDS
    by_pages: bool = False


class FullCursor(msgspec.Struct, frozen=True, tag="full", omit_defaults=True):
    """Where a full read stands: the pieces left, the first of them in hand.

    `began` is Shopify's time when reading began; `read` and `objects` count the records and lines of finished pieces
    (None once a piece was read by pages, which have no lines to count); `emitted` counts the records of the piece in
    hand, which is the file of operation `gid` where it is read in bulk.
    """

    began: datetime
    left: tuple[Piece, ...]
    read: int = 0
    objects: int | None = 0
    gid: str | None = None
    emitted: int = 0


class PageCursor(msgspec.Struct, frozen=True, tag="page", omit_defaults=True):
    """Where paging stands. The bounds belong to it: a cursor of Shopify's is only good with the same query.

    `since` is where the window in hand begins, if it is not the first one; `listed` counts what its list has given.
    """

    after: str | None
    until: datetime
    emitted: int
    since: datetime | None = None
    listed: int = 0


Cursor = FullCursor | PageCursor


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
