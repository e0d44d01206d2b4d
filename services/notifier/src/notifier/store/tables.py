"""The tables and views that statements name; the migrations are what makes them."""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Identity, Integer, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

metadata: Final = MetaData()

emails: Final = Table(
    "emails",
    metadata,
    Column("advertiser_id", BigInteger, primary_key=True),
    Column("email_id", BigInteger, Identity(always=True), primary_key=True),
    Column("store_id", BigInteger),
    Column("event_id", Text, nullable=False),
    Column("template", Text, nullable=False),
    Column("recipient_user_id", BigInteger, nullable=False),
    Column("variables", JSONB, nullable=False),
    Column("sealed_token", Text),
    Column("token_expires_at", DateTime(timezone=True)),
    Column("idempotency_key", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("failure", Text),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("lease_owner", Text),
    Column("lease_expires_at", DateTime(timezone=True)),
    Column("first_attempted_at", DateTime(timezone=True)),
    Column("sent_at", DateTime(timezone=True)),
    Column("resent_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("can_resend", Boolean, nullable=False),
    schema="notify",
)

pace: Final = Table(
    "pace",
    metadata,
    Column("only_row", Boolean, primary_key=True),
    Column("free_at", DateTime(timezone=True), nullable=False),
    schema="notify",
)

# Published by the gateway; read only.
_views: Final = MetaData()
recipients_v1: Final = Table(
    "recipients_v1",
    _views,
    Column("advertiser_id", BigInteger),
    Column("advertiser_slug", Text),
    Column("user_id", BigInteger),
    Column("email", Text),
    Column("role", Text),
    Column("notify_sync_complete", Boolean),
    Column("notify_sync_failed", Boolean),
    Column("notify_store_disconnected", Boolean),
    schema="gateway",
)
users_v1: Final = Table(
    "users_v1", _views, Column("user_id", BigInteger), Column("email", Text), schema="gateway"
)
