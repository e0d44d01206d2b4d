"""The schema `records` as SQLAlchemy Core; the migrations are the truth, a test keeps the two equal."""

from typing import Any, Final, TypeAlias

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlalchemy.types import TypeEngine

from sync_common.bus.outbox import outbox_table
from sync_common.contracts.resources import Resource

SCHEMA: Final = "records"

metadata = MetaData(schema=SCHEMA)
outbox = outbox_table(metadata, SCHEMA)

Kind: TypeAlias = TypeEngine[Any] | type[TypeEngine[Any]]

MONEY = Numeric(20, 4)
TIME = DateTime(timezone=True)
TEXTS = ARRAY(Text)


def _required(name: str, kind: Kind) -> Column[Any]:
    return Column(name, kind, nullable=False)


def _source() -> list[Column[Any]]:
    return [
        Column("advertiser_id", BigInteger, primary_key=True),
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        _required("source_type", Text),
        _required("source_id", BigInteger),
        _required("external_id", Text),
    ]


def _version() -> list[Column[Any]]:
    return [
        _required("metadata", JSONB),
        Column("created_at_source", TIME),
        _required("updated_at_source", TIME),
        _required("observed_at", TIME),
        Column("content_hash", LargeBinary),
        Column("body_hash", LargeBinary),
        Column("deleted_at", TIME),
        _required("created_at", TIME),
        _required("updated_at", TIME),
    ]


contacts = Table(
    "contacts",
    metadata,
    *_source(),
    Column("email", Text),
    Column("phone", Text),
    Column("first_name", Text),
    Column("last_name", Text),
    _required("accepts_marketing", Boolean),
    Column("accepts_marketing_updated_at", TIME),
    Column("marketing_opt_in_level", Text),
    Column("email_marketing_state", Text),
    _required("tags", TEXTS),
    Column("note", Text),
    Column("state", Text),
    Column("state_raw", Text),
    Column("currency", Text),
    _required("total_spent", MONEY),
    _required("orders_count", BigInteger),
    Column("last_order_at", TIME),
    Column("default_address", JSONB),
    _required("addresses", JSONB),
    *_version(),
    Column("email_key", Text, info={"generated": True}),
    Column("display_name", Text, info={"generated": True}),
    Column("marketable", Boolean, info={"generated": True}),
    Column("admin_path", Text, info={"generated": True}),
)

orders = Table(
    "orders",
    metadata,
    *_source(),
    Column("contact_id", BigInteger),
    _required("match_rank", SmallInteger),
    Column("link_rank", SmallInteger, info={"generated": True}),
    Column("customer_external_id", Text),
    Column("order_number", Text),
    Column("email", Text),
    Column("phone", Text),
    Column("financial_status", Text),
    Column("financial_status_raw", Text),
    Column("fulfillment_status", Text),
    Column("fulfillment_status_raw", Text),
    _required("currency", Text),
    Column("presentment_currency", Text),
    Column("subtotal", MONEY),
    Column("total_tax", MONEY),
    Column("total_discounts", MONEY),
    _required("total_price", MONEY),
    Column("presentment_total_price", MONEY),
    Column("current_subtotal_price", MONEY),
    Column("current_total_tax", MONEY),
    Column("current_total_discounts", MONEY),
    Column("current_total_price", MONEY),
    Column("refunded_total", MONEY),
    _required("line_items", JSONB),
    _required("product_ids", TEXTS),
    _required("discount_codes", JSONB),
    Column("shipping_address", JSONB),
    Column("billing_address", JSONB),
    Column("customer_locale", Text),
    _required("tags", TEXTS),
    Column("note", Text),
    Column("cancelled_at", TIME),
    Column("cancel_reason", Text),
    Column("closed_at", TIME),
    _required("ordered_at", TIME),
    *_version(),
    Column("paid", Boolean, info={"generated": True}),
    Column("refunded", Boolean, info={"generated": True}),
    Column("admin_path", Text, info={"generated": True}),
)

products = Table(
    "products",
    metadata,
    *_source(),
    _required("title", Text),
    Column("description", Text),
    Column("product_type", Text),
    Column("vendor", Text),
    _required("tags", TEXTS),
    Column("status", Text),
    Column("status_raw", Text),
    Column("archived_from", Text),
    _required("variants", JSONB),
    _required("images", JSONB),
    Column("handle", Text),
    Column("published_at", TIME),
    *_version(),
    Column("search", TSVECTOR, info={"generated": True}),
    Column("in_stock", Boolean, info={"generated": True}),
    Column("primary_image_url", Text, info={"generated": True}),
    Column("admin_path", Text, info={"generated": True}),
)

MIRROR: Final[dict[Resource, Table]] = {
    Resource.CUSTOMERS: contacts,
    Resource.ORDERS: orders,
    Resource.PRODUCTS: products,
}

tombstones = Table(
    "tombstones",
    metadata,
    Column("advertiser_id", BigInteger, primary_key=True),
    Column("store_id", BigInteger, primary_key=True),
    Column("resource", Text, primary_key=True),
    Column("external_id", Text, primary_key=True),
    _required("deleted_at", TIME),
    _required("restored_at", TIME),
    _required("created_at", TIME),
)

redactions = Table(
    "redactions",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("key", LargeBinary, primary_key=True),
    _required("redacted_at", TIME),
    _required("created_at", TIME),
)

redacted_shops = Table(
    "redacted_shops",
    metadata,
    Column("shop_key", LargeBinary, primary_key=True),
    _required("latest_at", TIME),
)

shop_erasures = Table(
    "shop_erasures",
    metadata,
    Column("advertiser_id", BigInteger, primary_key=True),
    Column("store_id", BigInteger, primary_key=True),
    Column("generation", Integer, primary_key=True),
    _required("shop_domain", Text),
    _required("keep_anonymous", Boolean),
    _required("requested_at", TIME),
    _required("webhook_id", Text),
    _required("effects", JSONB),
    _required("reached", JSONB),
    _required("created_at", TIME),
    Column("done_at", TIME),
)

compliance_receipts = Table(
    "compliance_receipts",
    metadata,
    Column("advertiser_id", BigInteger, primary_key=True),
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _required("topic", Text),
    _required("shop_key", LargeBinary),
    _required("webhook_id", Text),
    Column("store_id", BigInteger),
    _required("received_at", TIME),
    _required("done_at", TIME),
    _required("outcome", Text),
    _required("effects", JSONB),
)

job_ledger = Table(
    "job_ledger",
    metadata,
    Column("advertiser_id", BigInteger, primary_key=True),
    Column("job_id", BigInteger, primary_key=True),
    Column("resource", Text, primary_key=True),
    Column("external_id", Text, primary_key=True),
    _required("store_id", BigInteger),
    _required("outcome", Text),
    Column("field", Text),
    Column("reason", Text),
)

job_tallies = Table(
    "job_tallies",
    metadata,
    Column("advertiser_id", BigInteger, primary_key=True),
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _required("job_id", BigInteger),
    _required("store_id", BigInteger),
    _required("resource", Text),
    _required("epoch", Integer),
    _required("created", Integer),
    _required("updated", Integer),
    _required("unchanged", Integer),
    _required("skipped", Integer),
    _required("failed", Integer),
    _required("created_at", TIME),
)

job_marks = Table(
    "job_marks",
    metadata,
    Column("advertiser_id", BigInteger, primary_key=True),
    Column("job_id", BigInteger, primary_key=True),
    Column("resource", Text, primary_key=True),
    Column("epoch", Integer, primary_key=True),
    Column("partition", Integer, primary_key=True),
    _required("store_id", BigInteger),
    _required("created_at", TIME),
)

job_books = Table(
    "job_books",
    metadata,
    Column("advertiser_id", BigInteger, primary_key=True),
    Column("job_id", BigInteger, primary_key=True),
    Column("resource", Text, primary_key=True),
    Column("epoch", Integer, primary_key=True),
    _required("store_id", BigInteger),
    _required("marks_seen", Integer),
    _required("created", BigInteger),
    _required("updated", BigInteger),
    _required("unchanged", BigInteger),
    _required("skipped", BigInteger),
    _required("failed", BigInteger),
    _required("closed_at", TIME),
)

job_foldings = Table(
    "job_foldings",
    metadata,
    Column("advertiser_id", BigInteger, primary_key=True),
    Column("job_id", BigInteger, primary_key=True),
    _required("closed_at", TIME),
    _required("reached_resource", Text),
    _required("reached_id", Text),
)

row_tallies = Table(
    "row_tallies",
    metadata,
    Column("advertiser_id", BigInteger, primary_key=True),
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _required("store_id", BigInteger),
    _required("resource", Text),
    _required("number", BigInteger),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("advertiser_id", BigInteger, primary_key=True),
    Column("store_id", BigInteger, primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("webhook_id", Text, primary_key=True),
    Column("shopify_event_id", Text),
    _required("digest", Text),
    Column("triggered_at", TIME),
    _required("received_at", TIME),
    _required("applied_at", TIME),
    _required("outcome", Text),
)

delivery_digests = Table(
    "delivery_digests",
    metadata,
    Column("digest", Text, primary_key=True),
    _required("shop_domain", Text),
    _required("first_seen_at", TIME),
)

exports = Table(
    "exports",
    metadata,
    Column("advertiser_id", BigInteger, primary_key=True),
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _required("store_id", BigInteger),
    _required("request_id", Text),
    _required("subject_key", LargeBinary),
    _required("records", Integer),
    _required("created_at", TIME),
    _required("expires_at", TIME),
)

export_chunks = Table(
    "export_chunks",
    metadata,
    Column("advertiser_id", BigInteger, primary_key=True),
    Column("export_id", BigInteger, primary_key=True),
    Column("number", Integer, primary_key=True),
    _required("content", JSONB),
)

access_log = Table(
    "access_log",
    metadata,
    Column("advertiser_id", BigInteger, primary_key=True),
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _required("store_id", BigInteger),
    _required("action", Text),
    _required("actor", Text),
    _required("subject", Text),
    _required("created_at", TIME),
)
