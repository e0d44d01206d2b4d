"""Jobs with their parts, the state of each store, and what the orchestrator owes others."""

from alembic import op

from sync_common.bus.inbox import inbox_ddl
from sync_common.bus.outbox import outbox_ddl

revision = "0001"
down_revision = None

TENANT_TABLES = ("sync_jobs", "sync_job_parts", "store_state", "watermarks", "checks", "proofs", "deletions")

JOBS = """
CREATE TABLE sync.sync_jobs (
    job_id bigint GENERATED ALWAYS AS IDENTITY,
    advertiser_id bigint NOT NULL,
    store_id bigint NOT NULL,
    installation_id bigint NOT NULL,
    shop_domain text NOT NULL,
    job_type text NOT NULL CHECK (job_type IN (
        'full_sync', 'incremental_sync', 'customers_only', 'orders_only', 'products_only', 'backfill')),
    slot text GENERATED ALWAYS AS (CASE job_type WHEN 'backfill' THEN 'backfill' ELSE 'sync' END) STORED,
    status text NOT NULL DEFAULT 'pending' CHECK (status IN (
        'pending', 'running', 'completed', 'failed', 'cancelled')),
    triggered_by text NOT NULL CHECK (triggered_by IN ('user', 'schedule', 'webhook', 'system')),
    triggered_by_user_id bigint,
    schedule_slot text,
    skips_products boolean NOT NULL DEFAULT false,
    is_first_sync boolean NOT NULL DEFAULT false,
    follow_up boolean NOT NULL DEFAULT false,
    attempt integer NOT NULL DEFAULT 0,
    retry_of_job_id bigint,
    due_at timestamptz NOT NULL,
    lease_owner text,
    lease_expires_at timestamptz,
    epoch integer NOT NULL DEFAULT 0,
    throttled_until timestamptz,
    records_per_minute double precision,
    estimated_duration integer,
    actual_duration integer,
    error_code text,
    error_message text,
    error_details jsonb,
    started_at timestamptz,
    completed_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (advertiser_id, job_id),
    CHECK ((status IN ('completed', 'failed', 'cancelled')) = (completed_at IS NOT NULL)),
    CHECK (status <> 'running' OR started_at IS NOT NULL)
);
COMMENT ON COLUMN sync.sync_jobs.epoch IS 'Rises at every take-over; whoever holds an older one may not write.';
COMMENT ON COLUMN sync.sync_jobs.attempt IS 'Failed jobs in a row before this one.';
COMMENT ON COLUMN sync.sync_jobs.follow_up IS 'Sync the changes again afterwards: something was lost while this ran.';
CREATE UNIQUE INDEX sync_jobs_one_active ON sync.sync_jobs (advertiser_id, store_id, slot)
    WHERE status IN ('pending', 'running');
CREATE UNIQUE INDEX sync_jobs_schedule_slot ON sync.sync_jobs (advertiser_id, store_id, schedule_slot)
    WHERE schedule_slot IS NOT NULL;
CREATE INDEX sync_jobs_store ON sync.sync_jobs (store_id, created_at DESC);
CREATE INDEX sync_jobs_status ON sync.sync_jobs (status, created_at);
CREATE INDEX sync_jobs_due ON sync.sync_jobs (due_at) WHERE status = 'pending';
CREATE INDEX sync_jobs_lease ON sync.sync_jobs (lease_expires_at) WHERE status = 'running';
CREATE INDEX sync_jobs_id ON sync.sync_jobs (job_id);
"""

PARTS = """
CREATE TABLE sync.sync_job_parts (
    advertiser_id bigint NOT NULL,
    job_id bigint NOT NULL,
    resource text NOT NULL CHECK (resource IN ('customers', 'orders', 'products')),
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN (
        'waiting', 'running', 'published', 'done', 'failed', 'skipped')),
    skip_reason text CHECK (skip_reason IN ('not_due', 'scope_missing')),
    mode text CHECK (mode IN ('bulk', 'paged')),
    updated_since timestamptz,
    created_since timestamptz,
    created_until timestamptz,
    cursor text,
    total bigint,
    published bigint NOT NULL DEFAULT 0,
    read_count bigint,
    object_count bigint,
    basis_at timestamptz,
    observed_at timestamptz,
    created bigint NOT NULL DEFAULT 0,
    updated bigint NOT NULL DEFAULT 0,
    unchanged bigint NOT NULL DEFAULT 0,
    skipped bigint NOT NULL DEFAULT 0,
    failed bigint NOT NULL DEFAULT 0,
    started_at timestamptz,
    ended_at timestamptz,
    PRIMARY KEY (advertiser_id, job_id, resource),
    FOREIGN KEY (advertiser_id, job_id) REFERENCES sync.sync_jobs ON DELETE CASCADE,
    CHECK ((state = 'skipped') = (skip_reason IS NOT NULL))
);
COMMENT ON COLUMN sync.sync_job_parts.created_since IS 'Start of the order window, fixed when the job started.';
COMMENT ON COLUMN sync.sync_job_parts.cursor IS 'A resumed read begins here; Kafka has all before it.';
COMMENT ON COLUMN sync.sync_job_parts.basis_at IS 'Earliest of both clocks at the start; watermarks count from it.';
COMMENT ON COLUMN sync.sync_job_parts.read_count IS 'Root records that the fetcher says it read.';
COMMENT ON COLUMN sync.sync_job_parts.object_count IS 'Lines of bulk files, counted against Shopify''s number.';
"""

STATE = """
CREATE TABLE sync.store_state (
    advertiser_id bigint NOT NULL,
    store_id bigint NOT NULL,
    installation_id bigint NOT NULL,
    shop_domain text NOT NULL,
    generation integer NOT NULL,
    status text NOT NULL CHECK (status IN ('connected', 'disconnected', 'error', 'syncing')),
    last_sync_at timestamptz,
    last_sync_status text CHECK (last_sync_status IN ('success', 'failed', 'partial')),
    last_sync_error text,
    initial_sync_completed boolean NOT NULL DEFAULT false,
    last_full_sync_at timestamptz,
    orders_complete boolean NOT NULL DEFAULT false,
    timezone text NOT NULL DEFAULT 'UTC',
    scheduled_frequency text,
    scheduled_products_frequency text,
    next_run_at timestamptz,
    next_run_slot text,
    next_products_run_at timestamptz,
    next_products_run_slot text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (advertiser_id, store_id)
);
COMMENT ON COLUMN sync.store_state.generation IS 'Connections so far; events of an older one change nothing.';
COMMENT ON COLUMN sync.store_state.orders_complete IS 'A backfill has read every order, however old.';
COMMENT ON COLUMN sync.store_state.scheduled_frequency IS 'The setting that next_run_at was worked out from.';
CREATE INDEX store_state_next_run ON sync.store_state (next_run_at) WHERE next_run_at IS NOT NULL;
CREATE INDEX store_state_next_products_run ON sync.store_state (next_products_run_at)
    WHERE next_products_run_at IS NOT NULL;
CREATE INDEX store_state_shop ON sync.store_state (shop_domain);

CREATE TABLE sync.watermarks (
    advertiser_id bigint NOT NULL,
    store_id bigint NOT NULL,
    resource text NOT NULL CHECK (resource IN ('customers', 'orders', 'products')),
    reached_at timestamptz NOT NULL,
    job_id bigint NOT NULL,
    PRIMARY KEY (advertiser_id, store_id, resource)
);

CREATE TABLE sync.refetch_queue (
    shop_domain text NOT NULL,
    resource text NOT NULL CHECK (resource IN ('customers', 'orders', 'products')),
    record_id text NOT NULL,
    revision bigint NOT NULL DEFAULT 1,
    reason text NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at timestamptz NOT NULL,
    attempt integer NOT NULL DEFAULT 0,
    lease_owner text,
    lease_expires_at timestamptz,
    PRIMARY KEY (shop_domain, resource, record_id)
);
COMMENT ON COLUMN sync.refetch_queue.revision IS 'Rises at each wish; an answer to an older one removes nothing.';
CREATE INDEX refetch_queue_due ON sync.refetch_queue (due_at);
"""

PROOFS = """
CREATE TABLE sync.checks (
    check_id bigint GENERATED ALWAYS AS IDENTITY,
    advertiser_id bigint NOT NULL,
    store_id bigint NOT NULL,
    reason text NOT NULL CHECK (reason IN ('full_sync', 'backfill', 'user')),
    requested_by_user_id bigint,
    job_id bigint,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done', 'failed', 'cancelled')),
    again boolean NOT NULL DEFAULT false,
    attempt integer NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    lease_owner text,
    lease_expires_at timestamptz,
    epoch integer NOT NULL DEFAULT 0,
    error_message text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at timestamptz,
    ended_at timestamptz,
    PRIMARY KEY (advertiser_id, check_id),
    CHECK ((state IN ('done', 'failed', 'cancelled')) = (ended_at IS NOT NULL))
);
COMMENT ON TABLE sync.checks IS 'Comparisons of a store''s mirror with Shopify: wanted, under way, ended.';
COMMENT ON COLUMN sync.checks.job_id IS 'The full sync whose ledger tells which records Shopify had.';
COMMENT ON COLUMN sync.checks.again IS 'Wanted once more while it ran.';
CREATE UNIQUE INDEX checks_one_active ON sync.checks (advertiser_id, store_id) WHERE state IN ('waiting', 'running');
CREATE INDEX checks_store ON sync.checks (advertiser_id, store_id, check_id DESC);
CREATE INDEX checks_due ON sync.checks (due_at) WHERE state IN ('waiting', 'running');

CREATE TABLE sync.proofs (
    advertiser_id bigint NOT NULL,
    store_id bigint NOT NULL,
    resource text NOT NULL CHECK (resource IN ('customers', 'orders', 'products')),
    check_id bigint NOT NULL,
    job_id bigint,
    shopify_count bigint NOT NULL,
    our_count bigint NOT NULL,
    missing bigint NOT NULL,
    surplus bigint NOT NULL,
    repaired bigint NOT NULL,
    lost_changes bigint,
    checked_at timestamptz NOT NULL,
    PRIMARY KEY (advertiser_id, store_id, resource)
);
COMMENT ON TABLE sync.proofs IS 'How each resource of a store last compared with Shopify.';
COMMENT ON COLUMN sync.proofs.missing IS 'Records that Shopify had and we had not, when the check began.';
COMMENT ON COLUMN sync.proofs.surplus IS 'Records that we had and Shopify had not, when the check began.';
COMMENT ON COLUMN sync.proofs.repaired IS 'How many of both were put right.';
COMMENT ON COLUMN sync.proofs.lost_changes IS
    'Records that the full sync had to write although their change was old: what webhooks and syncs had missed.';

CREATE TABLE sync.deletions (
    advertiser_id bigint NOT NULL,
    store_id bigint NOT NULL,
    resource text NOT NULL CHECK (resource IN ('customers', 'orders', 'products')),
    record_id text NOT NULL,
    check_id bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting', 'deleting', 'deleted', 'kept', 'restoring', 'undone')),
    found_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    decided_at timestamptz,
    decided_by_user_id bigint,
    PRIMARY KEY (advertiser_id, store_id, resource, record_id)
);
COMMENT ON TABLE sync.deletions IS 'Records that a check found deleted at Shopify, without a webhook that told so.';
COMMENT ON COLUMN sync.deletions.state IS
    'Too many at once wait for a person, who deletes or keeps them; a deletion can be undone, which keeps them too.';
CREATE INDEX deletions_to_carry_out ON sync.deletions (found_at) WHERE state IN ('deleting', 'restoring');
CREATE INDEX deletions_of_check ON sync.deletions (advertiser_id, store_id, check_id);
"""

VIEWS = """
CREATE VIEW sync.jobs_v1 WITH (security_barrier) AS
SELECT j.job_id, j.advertiser_id, j.store_id, j.job_type, j.status, j.triggered_by, j.triggered_by_user_id,
       j.started_at, j.completed_at, j.created_at, j.updated_at, j.due_at, j.attempt, j.epoch,
       j.estimated_duration, j.actual_duration, j.error_code, j.error_message, j.error_details,
       j.throttled_until, j.is_first_sync, p.parts, p.records_processed, p.records_created, p.records_updated,
       p.records_unchanged, p.records_skipped, p.records_failed
FROM sync.sync_jobs j
CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
               'resource', resource, 'state', state, 'total', total, 'published', published,
               'read_count', read_count, 'object_count', object_count,
               'started_at', started_at, 'ended_at', ended_at, 'skip_reason', skip_reason)
               ORDER BY resource), '[]') AS parts,
           coalesce(jsonb_object_agg(resource, created + updated + unchanged + skipped + failed)
               FILTER (WHERE state <> 'skipped'), '{}') AS records_processed,
           coalesce(jsonb_object_agg(resource, created) FILTER (WHERE state <> 'skipped'), '{}') AS records_created,
           coalesce(jsonb_object_agg(resource, updated) FILTER (WHERE state <> 'skipped'), '{}') AS records_updated,
           coalesce(jsonb_object_agg(resource, unchanged) FILTER (WHERE state <> 'skipped'), '{}') AS records_unchanged,
           coalesce(jsonb_object_agg(resource, skipped) FILTER (WHERE state <> 'skipped'), '{}') AS records_skipped,
           coalesce(jsonb_object_agg(resource, failed) FILTER (WHERE state <> 'skipped'), '{}') AS records_failed
    FROM sync.sync_job_parts
    WHERE advertiser_id = j.advertiser_id AND job_id = j.job_id
) p
WHERE tenancy.visible(j.advertiser_id);

CREATE VIEW sync.store_state_v1 WITH (security_barrier) AS
SELECT store_id, advertiser_id, status, last_sync_at, last_sync_status, last_sync_error, initial_sync_completed,
       next_run_at, orders_complete, updated_at
FROM sync.store_state
WHERE tenancy.visible(advertiser_id);

CREATE VIEW sync.proofs_v1 WITH (security_barrier) AS
SELECT store_id, advertiser_id, resource, check_id, job_id, shopify_count, our_count, missing, surplus, repaired,
       lost_changes, checked_at, shopify_count = our_count AND missing + surplus = repaired AS equal
FROM sync.proofs
WHERE tenancy.visible(advertiser_id);

CREATE VIEW sync.checks_v1 WITH (security_barrier) AS
SELECT check_id, advertiser_id, store_id, reason, state, error_message, created_at, started_at, ended_at
FROM sync.checks
WHERE tenancy.visible(advertiser_id);

CREATE VIEW sync.deletions_v1 WITH (security_barrier) AS
SELECT advertiser_id, store_id, resource, record_id, check_id,
       CASE state WHEN 'deleting' THEN 'deleted' WHEN 'restoring' THEN 'undone' ELSE state END AS state,
       found_at, decided_at, decided_by_user_id
FROM sync.deletions
WHERE tenancy.visible(advertiser_id);

GRANT SELECT ON sync.checks_v1, sync.deletions_v1 TO svc_oauth_gateway;
GRANT SELECT ON sync.jobs_v1, sync.store_state_v1, sync.proofs_v1 TO svc_oauth_gateway, migrate_published;
GRANT SELECT ON sync.jobs_v1, sync.store_state_v1 TO svc_notifier;
"""


def upgrade() -> None:
    for statements in (JOBS, PARTS, STATE, PROOFS):
        op.execute(statements)
    for table in TENANT_TABLES:
        op.execute(
            f"""
            ALTER TABLE sync.{table} ENABLE ROW LEVEL SECURITY;
            ALTER TABLE sync.{table} FORCE ROW LEVEL SECURITY;
            CREATE POLICY worker ON sync.{table} TO svc_sync_orchestrator, migrate_sync_orchestrator
                USING (true) WITH CHECK (true);
            """
        )
    op.execute(outbox_ddl("sync"))
    op.execute(inbox_ddl("sync"))
    op.execute(VIEWS)
    op.execute("REVOKE ALL ON sync.alembic_version FROM svc_sync_orchestrator")
