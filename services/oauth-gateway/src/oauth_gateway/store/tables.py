"""The tables of schema `gateway`, as the statements in this package use them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB

from sync_common.bus.outbox import outbox_table

metadata = MetaData(schema="gateway")

_INSTANT = DateTime(timezone=True)

users = Table(
    "users",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("password_hash", Text),
    Column("created_at", _INSTANT, nullable=False),
    Column("updated_at", _INSTANT, nullable=False),
)

advertisers = Table(
    "advertisers",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("slug", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("redact_preference", Text, nullable=False),
    Column("created_at", _INSTANT, nullable=False),
    Column("updated_at", _INSTANT, nullable=False),
)

memberships = Table(
    "memberships",
    metadata,
    Column("advertiser_id", BigInteger, primary_key=True),
    Column("user_id", BigInteger, primary_key=True),
    Column("role", Text, nullable=False),
    Column("notify_sync_complete", Boolean, nullable=False),
    Column("notify_sync_failed", Boolean, nullable=False),
    Column("notify_store_disconnected", Boolean, nullable=False),
    Column("created_at", _INSTANT, nullable=False),
)

invitations = Table(
    "invitations",
    metadata,
    Column("advertiser_id", BigInteger, primary_key=True),
    Column("user_id", BigInteger, primary_key=True),
    Column("token_hash", LargeBinary, nullable=False),
    Column("role", Text, nullable=False),
    Column("invited_by", BigInteger, nullable=False),
    Column("expires_at", _INSTANT, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("user_id", BigInteger, nullable=False),
    Column("created_at", _INSTANT, nullable=False),
    Column("expires_at", _INSTANT, nullable=False),
    Column("toast", JSONB(none_as_null=True)),
)

password_resets = Table(
    "password_resets",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("user_id", BigInteger, nullable=False),
    Column("expires_at", _INSTANT, nullable=False),
)

login_failures = Table(
    "login_failures",
    metadata,
    Column("bucket", LargeBinary, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("window_ends", _INSTANT, nullable=False),
)

oauth_states = Table(
    "oauth_states",
    metadata,
    Column("advertiser_id", BigInteger, primary_key=True),
    Column("state_hash", LargeBinary, primary_key=True),
    Column("session_hash", LargeBinary, nullable=False),
    Column("user_id", BigInteger, nullable=False),
    Column("shop_domain", Text, nullable=False),
    Column("expires_at", _INSTANT, nullable=False),
)

install_states = Table(
    "install_states",
    metadata,
    Column("state_hash", LargeBinary, primary_key=True),
    Column("browser_hash", LargeBinary, nullable=False),
    Column("shop_domain", Text, nullable=False),
    Column("expires_at", _INSTANT, nullable=False),
)

install_claims = Table(
    "install_claims",
    metadata,
    Column("browser_hash", LargeBinary, primary_key=True),
    Column("shop_domain", Text, nullable=False),
    Column("shop_name", Text, nullable=False),
    Column("claim", Text, nullable=False),
    Column("expires_at", _INSTANT, nullable=False),
)

shopify_stores = Table(
    "shopify_stores",
    metadata,
    Column("advertiser_id", BigInteger, primary_key=True),
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("shop_domain", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("sync_frequency", Text, nullable=False),
    Column("products_frequency", Text),
    Column("history_requested_at", _INSTANT),
    Column("history_requested_by", BigInteger),
    Column("created_at", _INSTANT, nullable=False),
    Column("updated_at", _INSTANT, nullable=False),
)

dismissed_banners = Table(
    "dismissed_banners",
    metadata,
    Column("advertiser_id", BigInteger, primary_key=True),
    Column("user_id", BigInteger, primary_key=True),
    Column("store_id", BigInteger, primary_key=True),
    Column("until", _INSTANT, nullable=False),
)

data_access = Table(
    "data_access",
    metadata,
    Column("advertiser_id", BigInteger, primary_key=True),
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("user_id", BigInteger, nullable=False),
    Column("action", Text, nullable=False),
    Column("export_id", BigInteger, nullable=False),
    Column("store_id", BigInteger, nullable=False),
    Column("accessed_at", _INSTANT, nullable=False),
)

outbox = outbox_table(metadata, "gateway")
