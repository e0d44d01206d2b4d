"""A bulk operation's JSONL, joined: children go into their parent's connection, whatever the order of the lines. Pure.

Children of connections are lines of their own with `__parentId`; a child need not follow its parent (bulk operations).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from zlib import crc32

import msgspec

from shopify_fetcher.errors import Malformed
from sync_common.contracts.resources import Resource

_CONNECTIONS: Final[dict[Resource, tuple[str, ...]]] = {
    Resource.CUSTOMERS: ("addressesV2",),
    Resource.ORDERS: ("lineItems",),
    Resource.PRODUCTS: ("variants", "media"),
}
_CONNECTION_OF: Final[dict[str, str]] = {
    "MailingAddress": "addressesV2",
    "LineItem": "lineItems",
    "ProductVariant": "variants",
    "MediaImage": "media",
    "Video": "media",
    "ExternalVideo": "media",
    "Model3d": "media",
}


class _Line(msgspec.Struct):
    id: str
    parent: str | None = msgspec.field(name="__parentId", default=None)


_LINE_DECODER: Final = msgspec.json.Decoder(_Line)
_DECODER: Final = msgspec.json.Decoder()
_ENCODER: Final = msgspec.json.Encoder()


def root_id(line: bytes) -> str:
    """Return the id of the record that a line belongs to: its own, or its parent's."""
    try:
        head = _LINE_DECODER.decode(line)
    except (msgspec.DecodeError, msgspec.ValidationError):
        raise Malformed("a line of the bulk file cannot be read") from None
    return head.parent or head.id


def partition_of(record_id: str, partitions: int) -> int:
    """Return where a record and its children are spooled; the same in every process."""
    return crc32(record_id.encode()) % partitions


@dataclass(slots=True)
class _Group:
    record: dict[str, Any] | None = None
    children: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


def join(lines: Iterable[bytes], resource: Resource) -> Iterator[tuple[str, bytes]]:
    """Return (gid, body) of every record among the lines, in the order in which records first appear."""
    groups: dict[str, _Group] = {}
    for line in lines:
        try:
            value = _DECODER.decode(line)
        except msgspec.DecodeError:
            raise Malformed("a line of the bulk file cannot be read") from None
        _place(groups, value)
    for gid, group in groups.items():
        if group.record is None:
            raise Malformed("the bulk file has a child without its parent")
        for name in _CONNECTIONS[resource]:
            group.record[name] = {"nodes": group.children.get(name, [])}
        yield gid, _ENCODER.encode(group.record)


def _place(groups: dict[str, _Group], value: dict[str, Any]) -> None:
    parent = value.pop("__parentId", None)
    type_name = value.pop("__typename", None)
    if parent is None:
        group = groups.setdefault(value["id"], _Group())
        if group.record is not None:
            raise Malformed("the bulk file has a record twice")
        group.record = value
        return
    name = _CONNECTION_OF.get(type_name or "")
    if name is None:
        raise Malformed("the bulk file has a child of an unknown type")
    groups.setdefault(parent, _Group()).children.setdefault(name, []).append(value)
