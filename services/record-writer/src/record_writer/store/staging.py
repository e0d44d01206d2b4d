"""Rows into a temporary table by COPY; its text format is written here, at a third of the driver's cost."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final, TypeAlias

import msgspec
import psycopg
from msgspec import UNSET
from sqlalchemy import ARRAY, Boolean, Column, DateTime, LargeBinary, Text
from sqlalchemy.dialects.postgresql import JSONB

from record_writer.domain.batches import Item, Plan
from record_writer.domain.rows import carried
from record_writer.store.sql import data_columns, statement
from record_writer.store.tables import MIRROR
from sync_common.contracts.resources import Resource

CHUNK_LINES: Final = 100
NULL: Final = "\\N"
Encode = Callable[[Any], str]
GiveWay = Callable[[], Awaitable[None]]
Cursor: TypeAlias = "psycopg.AsyncCursor[Any]"
_encode_json: Final = msgspec.json.Encoder().encode


def _text(value: str) -> str:
    if value.isprintable() and "\\" not in value:
        return value
    escaped = value.replace("\\", "\\\\").replace("\t", "\\t")
    return escaped.replace("\n", "\\n").replace("\r", "\\r")


def _json(value: Any) -> str:
    return _encode_json(value).decode().replace("\\", "\\\\")  # JSON has no tab and no line break of its own


def _texts(value: Sequence[str]) -> str:
    if not value:
        return "{}"
    joined = '","'.join(value)
    if joined.isprintable() and "\\" not in joined and joined.count('"') == 2 * len(value) - 2:
        return f'{{"{joined}"}}'
    quoted = ('"' + one.replace("\\", "\\\\").replace('"', '\\"') + '"' for one in value)
    return _text("{" + ",".join(quoted) + "}")


def _bytes(value: bytes) -> str:
    return "\\\\x" + value.hex()


def _flag(value: bool) -> str:
    return "t" if value else "f"


_KINDS: Final[tuple[tuple[type, Encode], ...]] = (
    (JSONB, _json),
    (ARRAY, _texts),
    (DateTime, datetime.isoformat),
    (Boolean, _flag),
    (LargeBinary, _bytes),
    (Text, _text),
)


def _encoder(column: "Column[Any]") -> Encode:
    return next((encode for kind, encode in _KINDS if isinstance(column.type, kind)), str)


@cache
def encoders(resource: Resource) -> Sequence[Encode]:
    """Return how each data column of a resource is written."""
    return [_encoder(MIRROR[resource].columns[name]) for name in data_columns(resource)]


def line(item: Item, number: int, columns: Sequence[Encode]) -> str:
    """Return one item as a line of COPY."""
    change, target = item.change, item.target
    updated_at = change.updated_at or (change.observed_at if number == 0 or change.creates else None)
    fields = [
        f"{target.advertiser_id}\t{target.store_id}\t{change.external_id}\t{number}",
        "t" if change.creates else "f",
        NULL if updated_at is None else updated_at.isoformat(),
        change.observed_at.isoformat(),
        NULL if change.content_hash is None else _bytes(change.content_hash),
        NULL if number > 0 or item.body_hash is None else _bytes(item.body_hash),
        NULL if number == 0 else _texts(tuple(carried(change.row))),
        NULL if change.consent_email is None else _text(change.consent_email),
    ]
    fields += [
        NULL if value is None or value is UNSET else encode(value)
        for value, encode in zip(msgspec.structs.astuple(change.row), columns, strict=True)
    ]
    return "\t".join(fields)


async def stage(cursor: Cursor, resource: Resource, plan: Plan, give_way: GiveWay | None) -> None:
    """Make the staging table and fill it with all rounds of a plan."""
    columns = encoders(resource)
    await cursor.execute(statement("create_staging", resource))
    numbered = [(item, number) for number, items in enumerate(plan.rounds) for item in items]
    async with cursor.copy(statement("copy_staging", resource)) as copy:
        for start in range(0, len(numbered), CHUNK_LINES):
            lines = [line(item, number, columns) for item, number in numbered[start : start + CHUNK_LINES]]
            await copy.write(("\n".join(lines) + "\n").encode())
            if give_way is not None:
                await give_way()
