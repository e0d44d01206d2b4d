"""What a raw record asks of the stored copy, and the version that decides who wins."""

from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

import msgspec

from record_writer.domain.values import Columns
from sync_common.contracts.resources import Resource

HASH_SIZE = 16
MAPPING = b"1"
"""To be raised when the mapping changes: then every body is read again, known or not."""

SETTLED_AFTER = timedelta(seconds=5)
"""How long after a record's `updated_at`, which has no fractions, a read is sure to show what it ended with.

An earlier read may have seen a change that was taken back within the second, and then come late. Shopify's clock is
known to a second or so.
"""

CANONICAL: dict[Resource, tuple[str, ...]] = {
    Resource.CUSTOMERS: (
        "email",
        "phone",
        "first_name",
        "last_name",
        "accepts_marketing",
        "accepts_marketing_updated_at",
        "marketing_opt_in_level",
        "email_marketing_state",
        "tags",
        "note",
        "state_raw",
        "currency",
        "total_spent",
        "orders_count",
        "last_order_at",
        "default_address",
        "addresses",
    ),
    Resource.ORDERS: (
        "customer_external_id",
        "order_number",
        "email",
        "phone",
        "financial_status_raw",
        "fulfillment_status",
        "currency",
        "presentment_currency",
        "subtotal",
        "total_tax",
        "total_discounts",
        "total_price",
        "presentment_total_price",
        "current_subtotal_price",
        "current_total_tax",
        "current_total_discounts",
        "current_total_price",
        "refunded_total",
        "line_items",
        "discount_codes",
        "shipping_address",
        "billing_address",
        "customer_locale",
        "tags",
        "note",
        "cancelled_at",
        "cancel_reason",
        "closed_at",
        "ordered_at",
    ),
    Resource.PRODUCTS: (
        "title",
        "description",
        "product_type",
        "vendor",
        "tags",
        "status_raw",
        "variants",
        "images",
        "handle",
        "published_at",
    ),
}
"""The columns whose values are a record's content: the hash is taken over them, in this order.

A column is here only if every source of a full record can give it the same value: GraphQL pages, bulk files and,
for orders and products, webhooks. `fulfillment_status_raw` is not: webhooks know four values, GraphQL eleven.
"""

DOCUMENTS: dict[Resource, tuple[str, ...]] = {
    Resource.CUSTOMERS: ("default_address", "addresses"),
    Resource.ORDERS: ("line_items", "discount_codes", "shipping_address", "billing_address"),
    Resource.PRODUCTS: ("variants", "images"),
}
"""Content that is stored as JSON: written once, for its fingerprint and for the database alike."""

REQUIRED: dict[Resource, tuple[str, ...]] = {
    Resource.CUSTOMERS: (),
    Resource.ORDERS: ("total_price", "currency", "ordered_at"),
    Resource.PRODUCTS: ("title",),
}
"""Columns without which no row can be made."""


_encode = msgspec.json.Encoder().encode


class Kind(StrEnum):
    """How much a raw record says."""

    FULL = "full"
    PARTIAL = "partial"
    DELETED = "deleted"
    KNOWN = "known"  # stored already, from these very bytes: not even read


class Change(msgspec.Struct, frozen=True, gc=False):
    """What one raw record says about one record of the shop.

    `updated_at` is None where the payload has no time of its own; `content_hash` is None unless the record is full.
    `refetch` lists further ids to read again. `settles` is true for a read by id that came after the second it speaks
    of: nothing else can have that `updated_at` any more, so it never asks for another.
    """

    kind: Kind
    external_id: str
    observed_at: datetime
    updated_at: datetime | None = None
    columns: Columns = {}
    content_hash: bytes | None = None
    settles: bool = False
    creates: bool = False
    refetch: tuple[str, ...] = ()

    @property
    def version(self) -> tuple[datetime, datetime]:
        """Return what is compared; a record without a time of its own is as new as its observation."""
        return (self.updated_at or self.observed_at, self.observed_at)


def body_hash(body: bytes) -> bytes:
    """Return the fingerprint of a body as it came."""
    return sha256(MAPPING + body).digest()[:HASH_SIZE]


def content_hash(resource: Resource, columns: Columns) -> bytes | None:
    """Return the fingerprint of a full record's content, or None while a canonical column is absent."""
    try:
        content = [columns[name] for name in CANONICAL[resource]]
    except KeyError:
        return None
    return sha256(_encode(content)).digest()[:HASH_SIZE]


def record(
    resource: Resource,
    columns: Columns,
    *,
    external_id: str,
    observed_at: datetime,
    updated_at: datetime | None,
    settles: bool = False,
) -> Change:
    """Describe a record as read or delivered: full where every canonical column was carried, else partial.

    `settles` says that it was read by id.
    """
    for name in DOCUMENTS[resource]:
        if columns.get(name) is not None:
            columns[name] = msgspec.Raw(_encode(columns[name]))
    fingerprint = content_hash(resource, columns)
    return Change(
        kind=Kind.PARTIAL if fingerprint is None else Kind.FULL,
        external_id=external_id,
        observed_at=observed_at,
        updated_at=updated_at,
        columns=columns,
        content_hash=fingerprint,
        settles=settles and (updated_at is None or observed_at >= updated_at + SETTLED_AFTER),
        creates=fingerprint is not None or all(columns.get(name) is not None for name in REQUIRED[resource]),
    )


def hint(
    external_id: str, *, observed_at: datetime, columns: Columns | None = None, refetch: tuple[str, ...] = ()
) -> Change:
    """Describe a payload that says something changed, and at most a few columns of it."""
    return Change(
        kind=Kind.PARTIAL,
        external_id=external_id,
        observed_at=observed_at,
        columns=columns or {},
        refetch=refetch,
    )


def known_record(external_id: str, *, observed_at: datetime) -> Change:
    """Describe a record that is stored just as its body says."""
    return Change(kind=Kind.KNOWN, external_id=external_id, observed_at=observed_at)


def deletion(external_id: str, *, observed_at: datetime) -> Change:
    """Describe a record's end."""
    return Change(kind=Kind.DELETED, external_id=external_id, observed_at=observed_at)
