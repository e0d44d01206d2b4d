"""The one field of a body that ingest decodes: the id of the record it is about."""

import re
from functools import cache
from typing import Any, Final

import msgspec

_GID: Final = re.compile(r"(?:gid://shopify/[A-Za-z]{1,60}/)?([1-9][0-9]{0,19})(?:\?.*)?")

_TOO_LARGE: Final = 10**20


def record_id(body: bytes, path: tuple[str, ...]) -> str:
    """Return the id at `path` as text, whether written as a number or as a gid; "" where there is none."""
    try:
        value = _decoder(path).decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    for name in path:
        value = getattr(value, name, None)
    if isinstance(value, int):
        return str(value) if 0 < value < _TOO_LARGE else ""
    found = _GID.fullmatch(value) if isinstance(value, str) else None
    return found[1] if found else ""


@cache
def _decoder(path: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
    """Build a decoder that reads the fields on `path` and skips all others without making objects of them."""
    kind: Any = int | str | None
    for name in reversed(path):
        kind = msgspec.defstruct("Body", [(name, kind | None, None)])
    return msgspec.json.Decoder(kind)
