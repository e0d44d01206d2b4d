"""Rows into a temporary table by COPY; its text format is written here, at a quarter of the driver's cost."""

from binascii import hexlify
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from operator import attrgetter
from typing import Any, Final, TypeAlias

import msgspec
import psycopg
from msgspec import UNSET

from record_writer.domain.batches import Item, Plan
from record_writer.domain.rows import Maybe, Row, carried
from record_writer.store.sql import layout, statement
from sync_common.contracts.resources import Resource

CHUNK_LINES: Final = 100
NULL: Final = "\x01"  # never in a text as it is: control characters are escaped
GiveWay: TypeAlias = Callable[[], Awaitable[None]]
Cursor: TypeAlias = "psycopg.AsyncCursor[Any]"
_NULL: Final = NULL.encode()
_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", NULL: "\\x01"})
_json: Final = msgspec.json.Encoder(enc_hook=lambda _unset: None).encode


def _plain(values: Sequence[Any]) -> bytes:
    """Return numbers, times and flags: in JSON they are what PostgreSQL reads, but for the quotes and null."""
    return _json(values)[1:-1].replace(b'"', b"").replace(b"null", _NULL).replace(b",", b"\t")


def _texts(values: Sequence[Maybe[str]]) -> bytes:
    """Return texts; one look at all of them says whether any has to be escaped."""
    said = "".join([value for value in values if value])
    if not said.isprintable() or "\\" in said:
        values = [value and value.translate(_ESCAPES) for value in values]
    return "\t".join([NULL if value is None or value is UNSET else value for value in values]).encode()


def _array(value: Maybe[Sequence[str]]) -> bytes:
    """Return an array as PostgreSQL reads it: it knows no escapes but those of quotes and backslashes."""
    if value is None or value is UNSET:
        return _NULL
    written = _json(value)
    if b"\\" in written:
        quoted = ('"' + one.replace("\\", "\\\\").replace('"', '\\"') + '"' for one in value)
        return f"{{{','.join(quoted)}}}".translate(_ESCAPES).encode()
    return b"{%b}" % written[1:-1]


def _document(value: Any) -> "bytes | msgspec.Raw":
    """Return JSON; it has neither tabs nor line breaks of its own."""
    if type(value) is msgspec.Raw:
        return value
    return _NULL if value is None or value is UNSET else _json(value)


def _bytes(value: bytes | None) -> bytes:
    return _NULL if value is None else b"\\x" + hexlify(value)


def _taken(names: Sequence[str]) -> Callable[[Row], Sequence[Any]]:
    """Return what takes these columns from a row."""
    take = attrgetter(*names)
    return take if len(names) > 1 else lambda row: (take(row),)


class Lines:
    """Writes the lines of a resource's staging table, in the order of queries/copy_staging.sql."""

    def __init__(self, resource: Resource) -> None:
        columns = layout(resource)
        self._plain, self._texts, self._arrays, self._documents = map(_taken, columns)

    def line(self, item: Item, number: int) -> bytes:
        """Return one item of a round."""
        change, target, row = item.change, item.target, item.change.row
        updated_at = change.updated_at or (change.observed_at if number == 0 or change.creates else None)
        version = (
            target.advertiser_id,
            target.store_id,
            number,
            change.creates,
            updated_at,
            change.observed_at,
        )
        body_hash = None if number > 0 else item.body_hash
        documents = map(_document, self._documents(row))
        escaped = b"\t".join((_bytes(change.content_hash), _bytes(body_hash), *documents))
        return b"\t".join(
            (
                _plain((*version, *self._plain(row))),
                _texts((change.external_id, change.consent_email, *self._texts(row))),
                _NULL if number == 0 else _array(list(carried(row))),
                *map(_array, self._arrays(row)),
                escaped.replace(b"\\", b"\\\\"),
            )
        )


@cache
def lines_of(resource: Resource) -> Lines:
    """Return the one writer of a resource's lines."""
    return Lines(resource)


async def stage(cursor: Cursor, resource: Resource, plan: Plan, give_way: GiveWay | None) -> None:
    """Make the staging table and fill it with all rounds of a plan."""
    line = lines_of(resource).line
    await cursor.execute(statement("create_staging", resource))
    numbered = [(item, number) for number, items in enumerate(plan.rounds) for item in items]
    async with cursor.copy(statement("copy_staging", resource)) as copy:
        for start in range(0, len(numbered), CHUNK_LINES):
            lines = [line(item, number) for item, number in numbered[start : start + CHUNK_LINES]]
            await copy.write(b"\n".join(lines) + b"\n")
            if give_way is not None:
                await give_way()
