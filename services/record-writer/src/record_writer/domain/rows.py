"""What payloads say of the columns of a row: UNSET where nothing is said."""

from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from operator import attrgetter
from typing import Any, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, Raw, UnsetType

from sync_common.contracts.resources import Resource

HASH_SIZE = 16

Value = TypeVar("Value")
Maybe: TypeAlias = Value | UnsetType | None
"""Absent is not null: a payload that lacks a field leaves the column alone."""

Document: TypeAlias = Maybe[Raw]
"""JSON, written once for its fingerprint and for the database alike."""

encode = msgspec.json.Encoder().encode


class Row(msgspec.Struct, gc=False):
    """The columns of one record; what no payload has carried is UNSET."""

    metadata: Any = UNSET
    created_at_source: Maybe[datetime] = UNSET


class ContactRow(Row, gc=False):
    """A row of records.contacts."""

    email: Maybe[str] = UNSET
    phone: Maybe[str] = UNSET
    first_name: Maybe[str] = UNSET
    last_name: Maybe[str] = UNSET
    accepts_marketing: Maybe[bool] = UNSET
    accepts_marketing_updated_at: Maybe[datetime] = UNSET
    marketing_opt_in_level: Maybe[str] = UNSET
    email_marketing_state: Maybe[str] = UNSET
    tags: Maybe[list[str]] = UNSET
    note: Maybe[str] = UNSET
    state: Maybe[str] = UNSET
    state_raw: Maybe[str] = UNSET
    currency: Maybe[str] = UNSET
    total_spent: Maybe[Decimal] = UNSET
    orders_count: Maybe[int] = UNSET
    last_order_at: Maybe[datetime] = UNSET
    default_address: Document = UNSET
    addresses: Document = UNSET


class OrderRow(Row, gc=False):
    """A row of records.orders."""

    customer_external_id: Maybe[str] = UNSET
    order_number: Maybe[str] = UNSET
    email: Maybe[str] = UNSET
    phone: Maybe[str] = UNSET
    financial_status: Maybe[str] = UNSET
    financial_status_raw: Maybe[str] = UNSET
    fulfillment_status: Maybe[str] = UNSET
    fulfillment_status_raw: Maybe[str] = UNSET
    currency: Maybe[str] = UNSET
    presentment_currency: Maybe[str] = UNSET
    subtotal: Maybe[Decimal] = UNSET
    total_tax: Maybe[Decimal] = UNSET
    total_discounts: Maybe[Decimal] = UNSET
    total_price: Maybe[Decimal] = UNSET
    presentment_total_price: Maybe[Decimal] = UNSET
    current_subtotal_price: Maybe[Decimal] = UNSET
    current_total_tax: Maybe[Decimal] = UNSET
    current_total_discounts: Maybe[Decimal] = UNSET
    current_total_price: Maybe[Decimal] = UNSET
    refunded_total: Maybe[Decimal] = UNSET
    line_items: Document = UNSET
    product_ids: Maybe[list[str]] = UNSET
    discount_codes: Document = UNSET
    shipping_address: Document = UNSET
    billing_address: Document = UNSET
    customer_locale: Maybe[str] = UNSET
    tags: Maybe[list[str]] = UNSET
    note: Maybe[str] = UNSET
    cancelled_at: Maybe[datetime] = UNSET
    cancel_reason: Maybe[str] = UNSET
    closed_at: Maybe[datetime] = UNSET
    ordered_at: Maybe[datetime] = UNSET


class ProductRow(Row, gc=False):
    """A row of records.products."""

    title: Maybe[str] = UNSET
    description: Maybe[str] = UNSET
    product_type: Maybe[str] = UNSET
    vendor: Maybe[str] = UNSET
    tags: Maybe[list[str]] = UNSET
    status: Maybe[str] = UNSET
    status_raw: Maybe[str] = UNSET
    variants: Document = UNSET
    images: Document = UNSET
    handle: Maybe[str] = UNSET
    published_at: Maybe[datetime] = UNSET


ROWS: dict[Resource, type[Row]] = {
    Resource.CUSTOMERS: ContactRow,
    Resource.ORDERS: OrderRow,
    Resource.PRODUCTS: ProductRow,
}
RESOURCES: dict[type[Row], Resource] = {row: resource for resource, row in ROWS.items()}

DERIVED: dict[type[Row], tuple[str, ...]] = {
    ContactRow: ("state",),
    OrderRow: ("financial_status", "fulfillment_status_raw", "product_ids"),
    ProductRow: ("status",),
}
"""Columns that, like those of every `Row`, are no part of a record's content: others say the same, or not every source
of a full record can give them the same value. Of `fulfillment_status_raw` webhooks know four values and GraphQL eleven.
"""

CANONICAL: dict[type[Row], tuple[str, ...]] = {
    row: tuple(name for name in row.__struct_fields__ if name not in (*Row.__struct_fields__, *derived))
    for row, derived in DERIVED.items()
}
"""The columns that are a record's content: the fingerprint is taken over their values, in this order.

GraphQL pages, bulk files and, for orders and products, webhooks give each of them the same value.
"""

REQUIRED: dict[type[Row], tuple[str, ...]] = {
    ContactRow: (),
    OrderRow: ("total_price", "currency", "ordered_at"),
    ProductRow: ("title",),
}
"""Columns without which no row can be made."""

_CONTENT = {row: attrgetter(*names) for row, names in CANONICAL.items()}


def content_hash(row: Row) -> bytes | None:
    """Return the fingerprint of a full record's content, or None while a canonical column is absent."""
    try:
        content = encode(_CONTENT[type(row)](row))
    except TypeError:  # UNSET has no JSON
        return None
    return sha256(content).digest()[:HASH_SIZE]


def can_be_made(row: Row) -> bool:
    """Say whether the payload carries all that a new row needs."""
    return all(getattr(row, name) not in (None, UNSET) for name in REQUIRED[type(row)])


def carried(said: msgspec.Struct) -> dict[str, Any]:
    """Return what is said, by name."""
    values = zip(said.__struct_fields__, msgspec.structs.astuple(said), strict=True)
    return {name: value for name, value in values if value is not UNSET}


def document(value: Any) -> Document:
    """Return a value as the JSON that is stored."""
    return value if value is None or value is UNSET else Raw(encode(value))
