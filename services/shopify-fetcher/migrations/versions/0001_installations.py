"""Installations with their credentials, connections, API budget, bulk operations and outbox."""

from alembic import op

from sync_common.bus.outbox import outbox_ddl

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE fetcher.installations (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    shop_domain text NOT NULL UNIQUE,
    shopify_shop_id bigint,
    shop_name text,
    shop_owner text,
    email text,
    currency text,
    timezone text,
    plan_name text,
    access_scopes text[] NOT NULL DEFAULT '{}',
    api_version text NOT NULL,
    generation integer NOT NULL DEFAULT 0,
    installed_at timestamptz,
    webhooks_installed boolean NOT NULL DEFAULT false,
    webhooks_due_at timestamptz NOT NULL DEFAULT 'infinity',
    webhooks_gap boolean NOT NULL DEFAULT false,
    gone_since timestamptz,
    uninstall_told_at timestamptz,
    -- Who may talk to the token endpoint now: one acquisition or refresh at a time.
    token_lease_owner uuid,
    token_lease_until timestamptz,
    -- Who may still connect a store with a pair that nobody has claimed yet.
    claim_hash bytea CHECK (length(claim_hash) = 32),
    claim_expires_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK ((claim_hash IS NULL) = (claim_expires_at IS NULL))
);
COMMENT ON COLUMN fetcher.installations.webhooks_gap IS
    'Subscriptions were found missing, and the stores have not yet been told that deliveries may be lost.';
COMMENT ON COLUMN fetcher.installations.gone_since IS 'Shopify has answered 404 for this shop ever since.';
COMMENT ON COLUMN fetcher.installations.uninstall_told_at IS
    'An uninstall was told, and whether the token still works could not be found out yet.';
CREATE INDEX installations_webhooks_due ON fetcher.installations (webhooks_due_at);

-- Rises for ever: a version is never used twice, also when a row was deleted and made again.
CREATE SEQUENCE fetcher.token_versions AS bigint;

CREATE TABLE fetcher.credentials (
    installation_id bigint PRIMARY KEY REFERENCES fetcher.installations (id),
    data_key bytea NOT NULL,
    key_id text NOT NULL,
    access_token bytea NOT NULL,
    refresh_token bytea,
    previous_refresh_token bytea,
    expires_at timestamptz,
    refresh_expires_at timestamptz,
    token_version bigint NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE fetcher.connections (
    advertiser_id bigint NOT NULL,
    store_id bigint NOT NULL,
    installation_id bigint NOT NULL REFERENCES fetcher.installations (id),
    status text NOT NULL CHECK (status IN ('connected', 'disconnected')),
    generation integer NOT NULL DEFAULT 1,
    disconnect_reason text CHECK (
        disconnect_reason IN ('token_expired', 'app_uninstalled', 'user_requested', 'api_error')
    ),
    connected_by_user_id bigint,
    connected_at timestamptz NOT NULL,
    disconnected_at timestamptz,
    PRIMARY KEY (advertiser_id, store_id)
);
CREATE INDEX connections_store ON fetcher.connections (store_id);
CREATE INDEX connections_installation ON fetcher.connections (installation_id);

CREATE TABLE fetcher.api_budgets (
    installation_id bigint PRIMARY KEY REFERENCES fetcher.installations (id),
    bucket_size double precision NOT NULL,
    available double precision NOT NULL,
    restore_rate double precision NOT NULL CHECK (restore_rate > 0),
    outstanding double precision NOT NULL DEFAULT 0,
    level_at timestamptz NOT NULL,
    blocked_until timestamptz,
    settled double precision NOT NULL DEFAULT 0,
    lanes jsonb NOT NULL DEFAULT '{}'
) WITH (fillfactor = 50);
COMMENT ON COLUMN fetcher.api_budgets.settled IS 'Points of all answered calls: tells which answers overlapped.';
COMMENT ON COLUMN fetcher.api_budgets.lanes IS 'Per lane: what its minimum share has saved, and what it waits for.';

CREATE TABLE fetcher.query_costs (
    document text NOT NULL,
    size integer NOT NULL,
    cost double precision NOT NULL,
    PRIMARY KEY (document, size)
);
COMMENT ON TABLE fetcher.query_costs IS 'What Shopify has charged for each query: a new process need not guess.';

CREATE TABLE fetcher.api_usage (
    installation_id bigint NOT NULL REFERENCES fetcher.installations (id),
    day date NOT NULL,
    lane text NOT NULL,
    calls bigint NOT NULL DEFAULT 0,
    cost double precision NOT NULL DEFAULT 0,
    throttled bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (installation_id, day, lane)
);

CREATE TABLE fetcher.bulk_operations (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    installation_id bigint NOT NULL REFERENCES fetcher.installations (id),
    job_id bigint,
    resource text NOT NULL CHECK (resource IN ('customers', 'orders', 'products')),
    search text NOT NULL,
    gid text,
    status text NOT NULL DEFAULT 'starting' CHECK (
        status IN ('starting', 'running', 'completed', 'failed')
    ),
    started_at timestamptz,
    object_count bigint,
    root_object_count bigint,
    finish_seen_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX bulk_operations_job ON fetcher.bulk_operations (installation_id, job_id, resource, search)
    WHERE job_id IS NOT NULL AND status <> 'failed';
CREATE INDEX bulk_operations_gid ON fetcher.bulk_operations (gid);

ALTER TABLE fetcher.connections ENABLE ROW LEVEL SECURITY;
ALTER TABLE fetcher.connections FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON fetcher.connections TO svc_shopify_fetcher, migrate_shopify_fetcher
    USING (true) WITH CHECK (true);
"""

VIEWS = """
CREATE VIEW fetcher.installations_v1 WITH (security_barrier) AS
SELECT c.store_id, c.advertiser_id, c.installation_id, i.shop_domain, c.status, c.generation, c.disconnect_reason,
       c.connected_at, c.disconnected_at, i.access_scopes,
       i.webhooks_installed AND c.status = 'connected' AS webhooks_installed, i.shopify_shop_id, i.shop_name,
       i.shop_owner, i.email, i.currency, i.timezone, i.plan_name,
       'read_all_orders' = ANY (i.access_scopes) AS has_all_orders
FROM fetcher.connections c
JOIN fetcher.installations i ON i.id = c.installation_id
WHERE tenancy.visible(c.advertiser_id);
GRANT SELECT ON fetcher.installations_v1 TO svc_oauth_gateway, svc_sync_orchestrator, svc_record_writer,
    migrate_published;

CREATE VIEW fetcher.api_health_v1 WITH (security_barrier) AS
SELECT c.store_id, c.advertiser_id, b.bucket_size,
       LEAST(b.bucket_size, b.available + b.restore_rate * EXTRACT(epoch FROM clock_timestamp() - b.level_at))
           AS available,
       b.restore_rate, b.blocked_until,
       COALESCE(u.calls, 0)::bigint AS calls_today, COALESCE(u.throttled, 0)::bigint AS throttled_today,
       b.level_at AS updated_at
FROM fetcher.connections c
JOIN fetcher.api_budgets b ON b.installation_id = c.installation_id
LEFT JOIN LATERAL (
    SELECT sum(calls) AS calls, sum(throttled) AS throttled
    FROM fetcher.api_usage
    WHERE installation_id = c.installation_id AND day = (clock_timestamp() AT TIME ZONE 'UTC')::date
) u ON true
WHERE c.status = 'connected' AND tenancy.visible(c.advertiser_id);
GRANT SELECT ON fetcher.api_health_v1 TO svc_oauth_gateway;
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(outbox_ddl("fetcher"))
    op.execute(VIEWS)
    op.execute("REVOKE ALL ON fetcher.alembic_version FROM svc_shopify_fetcher")


def downgrade() -> None:
    op.execute("DROP VIEW fetcher.api_health_v1, fetcher.installations_v1")
    op.execute(
        "DROP TABLE fetcher.outbox, fetcher.bulk_operations, fetcher.api_usage, fetcher.query_costs,"
        " fetcher.api_budgets, fetcher.connections, fetcher.credentials, fetcher.installations"
    )
    op.execute("DROP SEQUENCE fetcher.token_versions")
