"""The tables of schema `sync`, for statements written with SQLAlchemy Core. The migrations are the truth."""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Float, Integer, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from sync_common.bus.inbox import inbox_table
from sync_common.bus.outbox import outbox_table

SCHEMA: Final = "sync"
metadata: Final = MetaData(schema=SCHEMA)

_instant = DateTime(timezone=True)

sync_jobs: Final = Table(
    "sync_jobs",
    metadata,
    Column("job_id", BigInteger, primary_key=True),
    Column("advertiser_id", BigInteger, primary_key=True),
    Column("store_id", BigInteger, nullable=False),
    Column("installation_id", BigInteger, nullable=False),
    Column("shop_domain", Text, nullable=False),
    Column("job_type", Text, nullable=False),
    Column("slot", Text),
    Column("status", Text, nullable=False),
    Column("triggered_by", Text, nullable=False),
    Column("triggered_by_user_id", BigInteger),
    Column("schedule_slot", Text),
    Column("skips_products", Boolean, nullable=False),
    Column("is_first_sync", Boolean, nullable=False),
    Column("follow_up", Boolean, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("retry_of_job_id", BigInteger),
    Column("due_at", _instant, nullable=False),
    Column("lease_owner", Text),
    Column("lease_expires_at", _instant),
    Column("epoch", Integer, nullable=False),
    Column("throttled_until", _instant),
    Column("records_per_minute", Float),
    Column("estimated_duration", Integer),
    Column("actual_duration", Integer),
    Column("error_code", Text),
    Column("error_message", Text),
    Column("error_details", JSONB),
    Column("started_at", _instant),
    Column("completed_at", _instant),
    Column("created_at", _instant, nullable=False),
    Column("updated_at", _instant, nullable=False),
)

sync_job_parts: Final = Table(
    "sync_job_parts",
    metadata,
    Column("advertiser_id", BigInteger, primary_key=True),
    Column("job_id", BigInteger, primary_key=True),
    Column("resource", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("skip_reason", Text),
    Column("mode", Text),
    Column("updated_since", _instant),
    Column("created_since", _instant),
    Column("created_until", _instant),
    Column("cursor", Text),
    Column("total", BigInteger),
    Column("published", BigInteger, nullable=False),
    Column("read_count", BigInteger),
    Column("object_count", BigInteger),
    Column("basis_at", _instant),
    Column("observed_at", _instant),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("unchanged", BigInteger, nullable=False),
    Column("skipped", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("started_at", _instant),
    Column("ended_at", _instant),
)

store_state: Final = Table(
    "store_state",
    metadata,
    Column("advertiser_id", BigInteger, primary_key=True),
    Column("store_id", BigInteger, primary_key=True),
    Column("installation_id", BigInteger, nullable=False),
    Column("shop_domain", Text, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("last_sync_at", _instant),
    Column("last_sync_status", Text),
    Column("last_sync_error", Text),
    Column("initial_sync_completed", Boolean, nullable=False),
    Column("last_full_sync_at", _instant),
    Column("orders_complete", Boolean, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("scheduled_frequency", Text),
    Column("scheduled_products_frequency", Text),
    Column("next_run_at", _instant),
    Column("next_run_slot", Text),
    Column("next_products_run_at", _instant),
    Column("next_products_run_slot", Text),
    Column("created_at", _instant, nullable=False),
    Column("updated_at", _instant, nullable=False),
)

watermarks: Final = Table(
    "watermarks",
    metadata,
    Column("advertiser_id", BigInteger, primary_key=True),
    Column("store_id", BigInteger, primary_key=True),
    Column("resource", Text, primary_key=True),
    Column("reached_at", _instant, nullable=False),
    Column("job_id", BigInteger, nullable=False),
)

checks: Final = Table(
    "checks",
    metadata,
    Column("check_id", BigInteger, primary_key=True),
    Column("advertiser_id", BigInteger, primary_key=True),
    Column("store_id", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("requested_by_user_id", BigInteger),
    Column("job_id", BigInteger),
    Column("state", Text, nullable=False),
    Column("again", Boolean, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("due_at", _instant, nullable=False),
    Column("lease_owner", Text),
    Column("lease_expires_at", _instant),
    Column("epoch", Integer, nullable=False),
    Column("error_message", Text),
    Column("created_at", _instant, nullable=False),
    Column("started_at", _instant),
    Column("ended_at", _instant),
)

proofs: Final = Table(
    "proofs",
    metadata,
    Column("advertiser_id", BigInteger, primary_key=True),
    Column("store_id", BigInteger, primary_key=True),
    Column("resource", Text, primary_key=True),
    Column("check_id", BigInteger, nullable=False),
    Column("job_id", BigInteger),
    Column("shopify_count", BigInteger, nullable=False),
    Column("our_count", BigInteger, nullable=False),
    Column("missing", BigInteger, nullable=False),
    Column("surplus", BigInteger, nullable=False),
    Column("repaired", BigInteger, nullable=False),
    Column("lost_changes", BigInteger),
    Column("checked_at", _instant, nullable=False),
)

deletions: Final = Table(
    "deletions",
    metadata,
    Column("advertiser_id", BigInteger, primary_key=True),
    Column("store_id", BigInteger, primary_key=True),
    Column("resource", Text, primary_key=True),
    Column("record_id", Text, primary_key=True),
    Column("check_id", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("found_at", _instant, nullable=False),
    Column("decided_at", _instant),
    Column("decided_by_user_id", BigInteger),
)

refetch_queue: Final = Table(
    "refetch_queue",
    metadata,
    Column("shop_domain", Text, primary_key=True),
    Column("resource", Text, primary_key=True),
    Column("record_id", Text, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("requested_at", _instant, nullable=False),
    Column("due_at", _instant, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("lease_owner", Text),
    Column("lease_expires_at", _instant),
)

outbox: Final = outbox_table(metadata, SCHEMA)
inbox: Final = inbox_table(metadata, SCHEMA)
