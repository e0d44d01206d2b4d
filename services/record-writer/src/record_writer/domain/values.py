"""Single values of Shopify's two dialects in their one canonical form."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from record_writer.errors import InvalidRecord

MONEY_LIMIT = Decimal(10) ** 16  # the columns are numeric(20,4)
_SMALLEST = Decimal("0.0001")
_HUNDREDTH = Decimal("0.01")
INDEXED_TEXT_LIMIT = 500  # characters; a B-tree or GIN entry holds 2.7 KB
INTEGER_LIMIT = 2**63

Value = TypeVar("Value")
Maybe: TypeAlias = Value | UnsetType | None
Columns: TypeAlias = dict[str, Any]


def text(value: str | None) -> str | None:
    """Return the text, or None for the empty one: the two dialects disagree on which stands for nothing."""
    return value or None


def short_text(value: str | None, field: str) -> str | None:
    """Return a text that goes into an index; refuse one that no index can hold."""
    if value is not None and len(value) > INDEXED_TEXT_LIMIT:
        raise InvalidRecord(field, f"text of {len(value)} characters, at most {INDEXED_TEXT_LIMIT} expected")
    return value or None


def lower(value: str | None) -> str | None:
    """Return an enum value as webhooks write it."""
    return value.lower() if value else None


def known(value: str | None, names: dict[str, str | None]) -> str | None:
    """Translate an enum value; one that Shopify added since becomes None, its raw form stays in its own column."""
    return names.get(value) if value else None


def money(value: Decimal | None, field: str) -> Decimal | None:
    """Return an amount with two to four decimals: `25`, `25.0` and `25.00` are the same money, written one way."""
    if value is None:
        return None
    try:
        hundredths = value.quantize(_HUNDREDTH)
    except InvalidOperation:  # more digits than any amount has, or no number at all
        hundredths = None
    if hundredths is not None and hundredths == value and -MONEY_LIMIT < hundredths < MONEY_LIMIT:
        return hundredths
    return _unusual_money(value, field)


def _unusual_money(value: Decimal, field: str) -> Decimal:
    if not value.is_finite():
        raise InvalidRecord(field, "not a finite number")
    if value.copy_abs() >= MONEY_LIMIT:  # abs() itself fails on the largest
        raise InvalidRecord(field, "amount of more than 16 digits")
    rounded = value.quantize(_SMALLEST)
    hundredths = rounded.quantize(_HUNDREDTH)
    return hundredths if hundredths == rounded else rounded.normalize()


def count(value: int | None, field: str) -> int | None:
    """Return a whole number that fits a bigint."""
    if value is not None and not -INTEGER_LIMIT <= value < INTEGER_LIMIT:
        raise InvalidRecord(field, "number beyond 64 bits")
    return value


def instant(value: datetime | None, field: str) -> datetime | None:
    """Return a moment in UTC; refuse a time that does not say where it was read."""
    if value is None:
        return None
    if value.tzinfo is None:
        raise InvalidRecord(field, "time without an offset")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise InvalidRecord(field, "time out of range") from None


def identifier(value: int | str | None, field: str) -> str:
    """Return Shopify's number as text, from the number itself or from a gid such as `gid://shopify/Order/1?x=y`."""
    found = optional_identifier(value)
    if found is None:
        raise InvalidRecord(field, "missing" if value is None else "not a number nor a gid")
    return found


def optional_identifier(value: int | str | None) -> str | None:
    """Return Shopify's number as text, or None where there is none."""
    if value is None:
        return None
    digits = value if isinstance(value, str) else str(value)
    if not digits.isdecimal():
        digits = digits.partition("?")[0].rpartition("/")[2]
    return digits if digits.isascii() and digits.isdecimal() and len(digits) <= 40 else None


def tags(value: Iterable[str] | str | None, field: str) -> list[str]:
    """Return tags sorted and once each; webhooks join them with commas, GraphQL lists them."""
    parts = value.split(",") if isinstance(value, str) else (value or ())
    found = {part.strip() for part in parts}
    found.discard("")
    for tag in found:
        short_text(tag, field)
    return sorted(found)


def carried(**columns: Any) -> Columns:
    """Keep the columns that a payload really carries: absent is not null."""
    return {name: value for name, value in columns.items() if value is not UNSET}


class Amount(msgspec.Struct, gc=False):
    """MoneyV2 of GraphQL, where the currency is known already."""

    amount: Decimal


class Money(msgspec.Struct, gc=False):
    """MoneyV2 of GraphQL."""

    amount: Decimal
    currencyCode: str | None = None  # noqa: N815 - Shopify's name


_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.DOTALL
)
_LONE = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}\Z")
_REPLACEMENT = rb"\ufffd"


def storable(body: bytes) -> bytes:
    """Return the JSON with what PostgreSQL cannot store (U+0000, lone surrogates, broken UTF-8) as U+FFFD."""
    try:
        body.decode()
    except UnicodeDecodeError:
        body = body.decode("utf-8", "replace").encode()
    return _ESCAPE.sub(_storable_escape, body) if b"\\" in body and _SUSPECT.search(body) else body


def _storable_escape(match: re.Match[bytes]) -> bytes:
    escape = match.group()
    return _REPLACEMENT if escape == rb"\u0000" or _LONE.match(escape) else escape
