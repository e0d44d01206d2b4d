"""A bulk operation's JSONL, joined: children go into their parent's connection, whatever the order of the lines. Pure.

Children of connections are lines of their own with `__parentId`; a child need not follow its parent (bulk operations).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final
from zlib import crc32

import msgspec

from shopify_fetcher.errors import BulkFailed
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


class _Line(msgspec.Struct, gc=False):
    id: str
    type_name: str = msgspec.field(name="__typename", default="")
    parent: str | None = msgspec.field(name="__parentId", default=None)


_HEAD_DECODER: Final = msgspec.json.Decoder(_Line)
# Shallow: the values stay the bytes that they are, so that a line costs no object per field.
_FIELDS_DECODER: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ENCODER: Final = msgspec.json.Encoder()


def root_id(line: bytes) -> str:
    """Return the id of the record that a line belongs to: its own, or its parent's."""
    head = _head(line)
    return head.parent or head.id


def partition_of(record_id: str, partitions: int, *, passed: int = 1) -> int:
    """Return where a record and its children are spooled; the same in every process.

    What was spooled before is spooled again by another part of the hash: `passed` is the product of the partitions
    of the earlier times.
    """
    return crc32(record_id.encode()) // passed % partitions


@dataclass(slots=True)
class _Group:
    record: bytes | None = None
    children: dict[str, list[bytes]] = field(default_factory=dict)


def join(lines: Iterable[bytes], resource: Resource) -> Iterator[tuple[str, bytes]]:
    """Return (gid, body) of every record among the lines, in the order in which records first appear."""
    groups: dict[str, _Group] = {}
    for line in lines:
        _place(groups, line)
    for gid, group in groups.items():
        if group.record is None:
            raise BulkFailed("the bulk file has a child without its parent")
        yield gid, _with_connections(group.record, group.children, _CONNECTIONS[resource])


def _place(groups: dict[str, _Group], line: bytes) -> None:
    head = _head(line)
    fields = _FIELDS_DECODER.decode(line)
    fields.pop("__typename", None)
    fields.pop("__parentId", None)
    body = _ENCODER.encode(fields)
    if head.parent is None:
        group = groups.setdefault(head.id, _Group())
        if group.record is not None:
            raise BulkFailed("the bulk file has a record twice")
        group.record = body
        return
    name = _CONNECTION_OF.get(head.type_name)
    if name is None:
        raise BulkFailed("the bulk file has a child of an unknown type")
    groups.setdefault(head.parent, _Group()).children.setdefault(name, []).append(body)


def _with_connections(record: bytes, children: dict[str, list[bytes]], names: tuple[str, ...]) -> bytes:
    """Put the connections at the end of a record's JSON."""
    connections = [
        b',"%b":{"nodes":[%b]}' % (name.encode(), b",".join(children.get(name, ()))) for name in names
    ]
    return record[:-1] + b"".join(connections) + b"}"


def _head(line: bytes) -> _Line:
    try:
        return _HEAD_DECODER.decode(line)
    except (msgspec.DecodeError, msgspec.ValidationError):
        raise BulkFailed("a line of the bulk file cannot be read") from None
