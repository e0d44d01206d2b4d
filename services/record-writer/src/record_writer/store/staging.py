"""Rows into a temporary table by COPY; its text format is written here, at a third of the driver's cost."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, TypeAlias

import msgspec
import psycopg
from sqlalchemy import ARRAY, Boolean, Column, DateTime, LargeBinary, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from record_writer.domain.batches import Item, Plan
from record_writer.store.tables import MIRROR
from sync_common.contracts.resources import Resource

NULL = "\\N"
KEY_COLUMNS = ("advertiser_id", "source_id", "external_id")
_OURS = frozenset(
    ("id", "source_type", "created_at", "updated_at", "deleted_at", "first_order_at", *KEY_COLUMNS)
)
_VERSION = frozenset(("updated_at_source", "observed_at", "content_hash"))
_LINK = frozenset(("contact_id", "link_rank"))

Encode = Callable[[Any], str]
Cursor: TypeAlias = "psycopg.AsyncCursor[Any]"
_encode_json = msgspec.json.Encoder().encode


def data_columns(table: Table) -> tuple[str, ...]:
    """Return the columns that a payload can carry."""
    left_out = _OURS | _VERSION | _LINK
    return tuple(c.name for c in table.columns if c.name not in left_out and "generated" not in c.info)


def _text(value: str) -> str:
    if "\\" in value:
        value = value.replace("\\", "\\\\")
    return value.replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def _json(value: Any) -> str:
    return _text(_encode_json(value).decode())


def _texts(value: Sequence[str]) -> str:
    if not value:
        return "{}"
    quoted = ('"' + one.replace("\\", "\\\\").replace('"', '\\"') + '"' for one in value)
    return _text("{" + ",".join(quoted) + "}")


def _bytes(value: bytes) -> str:
    return "\\\\x" + value.hex()


def _time(value: datetime) -> str:
    return value.isoformat()


def _encoder(column: "Column[Any]") -> Encode:
    kinds: tuple[tuple[type, Encode], ...] = (
        (JSONB, _json),
        (ARRAY, _texts),
        (DateTime, _time),
        (Boolean, lambda value: "t" if value else "f"),
        (LargeBinary, _bytes),
        (Text, _text),
    )
    return next((encode for kind, encode in kinds if isinstance(column.type, kind)), str)


@cache
def encoders(resource: Resource) -> tuple[tuple[str, Encode], ...]:
    """Return how each data column of a resource is written."""
    table = MIRROR[resource]
    return tuple((name, _encoder(table.columns[name])) for name in data_columns(table))


@cache
def statements(resource: Resource) -> tuple[str, str]:
    """Return the statements that make the staging table of a resource, and fill it."""
    columns = data_columns(MIRROR[resource])
    links = ", contact_id, link_rank" if resource is Resource.ORDERS else ""
    create = (
        f"CREATE TEMPORARY TABLE staged ON COMMIT DROP AS SELECT {', '.join(KEY_COLUMNS)}, updated_at_source, "
        f"observed_at, content_hash, {', '.join(columns)}{links}, NULL::smallint AS round, "
        "NULL::boolean AS creates, NULL::text[] AS carried, NULL::text AS consent_email "
        f"FROM records.{MIRROR[resource].name} WITH NO DATA"
    )
    copy = (
        f"COPY staged ({', '.join(KEY_COLUMNS)}, round, creates, updated_at_source, observed_at, content_hash, "
        f"carried, consent_email, {', '.join(columns)}) FROM STDIN"
    )
    return create, copy


def line(item: Item, number: int, columns: Iterable[tuple[str, Encode]]) -> str:
    """Return one item as a line of COPY."""
    change, target = item.change, item.target
    carried: Mapping[str, Any] = change.columns
    updated_at = change.updated_at or (change.observed_at if number == 0 or change.creates else None)
    fields = [
        str(target.advertiser_id),
        str(target.store_id),
        change.external_id,
        str(number),
        "t" if change.creates else "f",
        NULL if updated_at is None else updated_at.isoformat(),
        change.observed_at.isoformat(),
        NULL if change.content_hash is None else _bytes(change.content_hash),
        NULL if number == 0 else _texts(tuple(carried)),
        NULL if carried.get("consent_email") is None else _text(carried["consent_email"]),
    ]
    for name, encode in columns:
        value = carried.get(name)
        fields.append(NULL if value is None else encode(value))
    return "\t".join(fields) + "\n"


async def stage(cursor: Cursor, resource: Resource, plan: Plan) -> None:
    """Make the staging table and fill it with all rounds of a plan."""
    create, copy_into = statements(resource)
    columns = encoders(resource)
    await cursor.execute(create)
    lines = [line(item, number, columns) for number, items in enumerate(plan.rounds) for item in items]
    async with cursor.copy(copy_into) as copy:
        await copy.write("".join(lines).encode())
