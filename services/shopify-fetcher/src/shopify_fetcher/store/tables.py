"""The tables of schema `fetcher`; migrations make them, a test keeps both equal."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

from sync_common.bus.outbox import outbox_table

metadata = MetaData(schema="fetcher")
_INSTANT = TIMESTAMP(timezone=True)

installations = Table(
    "installations",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("shop_domain", Text, nullable=False),
    Column("shopify_shop_id", BigInteger),
    Column("shop_name", Text),
    Column("shop_owner", Text),
    Column("email", Text),
    Column("currency", Text),
    Column("timezone", Text),
    Column("plan_name", Text),
    Column("access_scopes", ARRAY(Text), nullable=False),
    Column("api_version", Text, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("installed_at", _INSTANT),
    Column("webhooks_installed", Boolean, nullable=False),
    Column("webhooks_due_at", _INSTANT, nullable=False),
    Column("webhooks_gap", Boolean, nullable=False),
    Column("gone_since", _INSTANT),
    Column("uninstall_told_at", _INSTANT),
    Column("token_lease_owner", Uuid),
    Column("token_lease_until", _INSTANT),
    Column("claim_hash", LargeBinary),
    Column("claim_expires_at", _INSTANT),
    Column("created_at", _INSTANT, nullable=False),
    Column("updated_at", _INSTANT, nullable=False),
)

credentials = Table(
    "credentials",
    metadata,
    Column("installation_id", BigInteger, primary_key=True),
    Column("data_key", LargeBinary, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("access_token", LargeBinary, nullable=False),
    Column("refresh_token", LargeBinary),
    Column("previous_refresh_token", LargeBinary),
    Column("expires_at", _INSTANT),
    Column("refresh_expires_at", _INSTANT),
    Column("token_version", BigInteger, nullable=False),
    Column("updated_at", _INSTANT, nullable=False),
)

connections = Table(
    "connections",
    metadata,
    Column("advertiser_id", BigInteger, primary_key=True),
    Column("store_id", BigInteger, primary_key=True),
    Column("installation_id", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("disconnect_reason", Text),
    Column("connected_by_user_id", BigInteger),
    Column("connected_at", _INSTANT, nullable=False),
    Column("disconnected_at", _INSTANT),
)

api_budgets = Table(
    "api_budgets",
    metadata,
    Column("installation_id", BigInteger, primary_key=True),
    Column("bucket_size", Float, nullable=False),
    Column("available", Float, nullable=False),
    Column("restore_rate", Float, nullable=False),
    Column("outstanding", Float, nullable=False),
    Column("level_at", _INSTANT, nullable=False),
    Column("blocked_until", _INSTANT),
    Column("settled", Float, nullable=False),
    Column("lanes", JSONB, nullable=False),
)

query_costs = Table(
    "query_costs",
    metadata,
    Column("document", Text, primary_key=True),
    Column("size", Integer, primary_key=True),
    Column("cost", Float, nullable=False),
)

api_usage = Table(
    "api_usage",
    metadata,
    Column("installation_id", BigInteger, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("lane", Text, primary_key=True),
    Column("calls", BigInteger, nullable=False),
    Column("cost", Float, nullable=False),
    Column("throttled", BigInteger, nullable=False),
)

bulk_operations = Table(
    "bulk_operations",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("installation_id", BigInteger, nullable=False),
    Column("job_id", BigInteger),
    Column("resource", Text, nullable=False),
    Column("search", Text, nullable=False),
    Column("gid", Text),
    Column("status", Text, nullable=False),
    Column("started_at", _INSTANT),
    Column("object_count", BigInteger),
    Column("root_object_count", BigInteger),
    Column("finish_seen_at", _INSTANT),
    Column("created_at", _INSTANT, nullable=False),
    Column("updated_at", _INSTANT, nullable=False),
)

outbox = outbox_table(metadata, "fetcher")
