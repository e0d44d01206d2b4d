"""Single values of Shopify's two dialects in their one canonical form."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from record_writer.domain.rows import Maybe
from record_writer.errors import InvalidRecord

MONEY_LIMIT = Decimal(10) ** 16  # the columns are numeric(20,4)
_SMALLEST = Decimal("0.0001")
_HUNDREDTH = Decimal("0.01")
INDEXED_TEXT_LIMIT = 500  # characters; a B-tree or GIN entry holds 2.7 KB
INTEGER_LIMIT = 2**63

# What is absent stays absent: each of these returns UNSET for UNSET.
Text = TypeVar("Text", str | None, Maybe[str])
Moment = TypeVar("Moment", datetime | None, Maybe[datetime])
Sum = TypeVar("Sum", Decimal | None, Maybe[Decimal])


def text(value: Text) -> Text:
    """Return the text, or None for the empty one: the two dialects disagree on which stands for nothing."""
    return None if value == "" else value


def short_text(value: Text, field: str) -> Text:
    """Return a text that goes into an index; refuse one that no index can hold."""
    if value and len(value) > INDEXED_TEXT_LIMIT:
        raise InvalidRecord(field, f"text of {len(value)} characters, at most {INDEXED_TEXT_LIMIT} expected")
    return None if value == "" else value


def lower(value: Text) -> Text:
    """Return an enum value as webhooks write it."""
    if value:
        return value.lower()
    return None if value == "" else value


def known(value: Text, names: dict[str, str | None]) -> Text:
    """Translate an enum value; one that Shopify added since becomes None, its raw form stays in its own column."""
    return names.get(value) if value else value


def amount(value: str | None, field: str) -> Decimal | None:
    """Return an amount that GraphQL wrote as text, in the form of `money`; a shop's amounts come again and again."""
    if value is None:
        return None
    try:
        return _amount(value)
    except InvalidRecord as error:
        raise InvalidRecord(field, error.problem) from None


@lru_cache(maxsize=10_000)
def _amount(value: str) -> Decimal | None:
    try:
        return money(Decimal(value), "")
    except InvalidOperation:
        raise InvalidRecord("", "not an amount") from None


def money(value: Sum, field: str) -> Sum:
    """Return an amount with two to four decimals: `25`, `25.0` and `25.00` are the same money, written one way."""
    if value is None or value is UNSET:
        return value
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


def count(value: int, field: str) -> int:
    """Return a whole number that fits a bigint."""
    if not -INTEGER_LIMIT <= value < INTEGER_LIMIT:
        raise InvalidRecord(field, "number beyond 64 bits")
    return value


def instant(value: Moment, field: str) -> Moment:
    """Return a moment in UTC; refuse a time that does not say where it was read."""
    if not isinstance(value, datetime) or value.tzinfo is UTC:
        return value
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
    written = str(value)
    path = written.partition("?")[0] if "?" in written else written
    digits = path.rpartition("/")[2]
    return digits if digits.isascii() and digits.isdecimal() and len(digits) <= 40 else None


def tags(value: Maybe[Iterable[str] | str], field: str) -> list[str] | UnsetType:
    """Return tags sorted and once each; webhooks join them with commas, GraphQL lists them."""
    if value is UNSET:
        return UNSET
    if not value:
        return []
    parts = value.split(",") if isinstance(value, str) else value
    found = {part.strip() for part in parts}
    found.discard("")
    for tag in found:
        short_text(tag, field)
    return sorted(found)


class Amount(msgspec.Struct, gc=False):
    """MoneyV2 of GraphQL, where the currency is known already."""

    amount: str


class Money(msgspec.Struct, gc=False):
    """MoneyV2 of GraphQL."""

    amount: str
    currencyCode: str | None = None  # noqa: N815 - Shopify's name


_BACKSLASH = ord("\\")
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.DOTALL
)
_LONE = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}\Z")
_REPLACEMENT = rb"\ufffd"


def storable(body: bytes) -> bytes:
    """Return the JSON with what PostgreSQL cannot store (U+0000, lone surrogates, broken UTF-8) as U+FFFD."""
    if not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError:
            body = body.decode("utf-8", "replace").encode()
    # One byte is found many times faster than two; hardly any body has a backslash.
    return _ESCAPE.sub(_storable_escape, body) if _BACKSLASH in body and _SUSPECT.search(body) else body


def _storable_escape(match: re.Match[bytes]) -> bytes:
    escape = match.group()
    return _REPLACEMENT if escape == rb"\u0000" or _LONE.match(escape) else escape
