"""What surrounds the mirror: tombstones, redactions, the job ledger, deliveries, exports, and the views others read."""

from alembic import op

from sync_common.bus.outbox import outbox_ddl

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ERASURE = """
CREATE TABLE records.tombstones (
    advertiser_id bigint NOT NULL,
    store_id bigint NOT NULL,
    resource text NOT NULL CHECK (resource IN ('customers', 'orders', 'products')),
    external_id text NOT NULL,
    deleted_at timestamptz NOT NULL DEFAULT '-infinity',
    restored_at timestamptz NOT NULL DEFAULT '-infinity',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (advertiser_id, store_id, resource, external_id),
    CONSTRAINT tombstones_one_counts CHECK (deleted_at > restored_at OR deleted_at = '-infinity')
);
COMMENT ON TABLE records.tombstones IS 'Deleted records; deleted_at is the version that an upsert must exceed.';
COMMENT ON COLUMN records.tombstones.restored_at IS
    'Deletions up to here were taken back and do not count; deleted_at is -infinity where no later one came.';

CREATE TABLE records.redactions (
    kind text NOT NULL CHECK (kind IN ('store', 'customer', 'order', 'email')),
    key bytea NOT NULL,
    redacted_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (kind, key)
);
COMMENT ON TABLE records.redactions IS
    'What may never be written again: keyed hashes of (shop, customer), (shop, order), (shop, e-mail), or a store.';

CREATE TABLE records.redacted_shops (
    shop_key bytea PRIMARY KEY,
    latest_at timestamptz NOT NULL
);
COMMENT ON TABLE records.redacted_shops IS 'Keyed hashes of shops with any redaction: others need no check.';

CREATE TABLE records.shop_erasures (
    advertiser_id bigint NOT NULL,
    store_id bigint NOT NULL,
    generation integer NOT NULL,
    shop_domain text NOT NULL,
    keep_anonymous boolean NOT NULL,
    requested_at timestamptz NOT NULL,
    webhook_id text NOT NULL,
    effects jsonb NOT NULL DEFAULT '{}',
    reached jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    done_at timestamptz,
    PRIMARY KEY (advertiser_id, store_id, generation)
);
CREATE INDEX shop_erasures_due ON records.shop_erasures (created_at) WHERE done_at IS NULL;
COMMENT ON TABLE records.shop_erasures IS
    'Stores to erase after shop/redact, in small transactions; what was observed after requested_at stays.';
COMMENT ON COLUMN records.shop_erasures.reached IS
    'The last external id erased of each kind, so that no step reads again what an earlier one did; null at the end.';

CREATE TABLE records.compliance_receipts (
    -- 0 for a request about a shop that no advertiser has connected.
    advertiser_id bigint NOT NULL DEFAULT 0,
    id bigint GENERATED ALWAYS AS IDENTITY,
    topic text NOT NULL,
    shop_key bytea NOT NULL,
    webhook_id text NOT NULL,
    store_id bigint,
    received_at timestamptz NOT NULL,
    done_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    outcome text NOT NULL CHECK (outcome IN ('done', 'ignored')),
    effects jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (advertiser_id, id),
    UNIQUE NULLS NOT DISTINCT (advertiser_id, topic, webhook_id, store_id)
);
COMMENT ON TABLE records.compliance_receipts IS 'What was done for each compliance request, and when; counts only.';
"""

LEDGER = """
CREATE TABLE records.job_ledger (
    advertiser_id bigint NOT NULL,
    job_id bigint NOT NULL,
    resource text NOT NULL CHECK (resource IN ('customers', 'orders', 'products')),
    external_id text NOT NULL,
    store_id bigint NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('created', 'updated', 'unchanged', 'skipped', 'failed')),
    field text,
    reason text,
    PRIMARY KEY (advertiser_id, job_id, resource, external_id)
);
CREATE INDEX job_ledger_failures ON records.job_ledger (advertiser_id, job_id) WHERE outcome = 'failed';

CREATE TABLE records.job_tallies (
    advertiser_id bigint NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    job_id bigint NOT NULL,
    store_id bigint NOT NULL,
    resource text NOT NULL CHECK (resource IN ('customers', 'orders', 'products')),
    epoch integer NOT NULL,
    created integer NOT NULL DEFAULT 0,
    updated integer NOT NULL DEFAULT 0,
    unchanged integer NOT NULL DEFAULT 0,
    skipped integer NOT NULL DEFAULT 0,
    failed integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (advertiser_id, id)
);
CREATE INDEX job_tallies_job ON records.job_tallies (advertiser_id, job_id, resource);
CREATE INDEX job_tallies_age ON records.job_tallies (created_at);
COMMENT ON TABLE records.job_tallies IS
    'One row per batch: how many ledger rows it added. Sums equal the ledger, and cost a page instead of a scan.';

CREATE TABLE records.job_marks (
    advertiser_id bigint NOT NULL,
    job_id bigint NOT NULL,
    resource text NOT NULL CHECK (resource IN ('customers', 'orders', 'products')),
    epoch integer NOT NULL,
    partition integer NOT NULL,
    store_id bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (advertiser_id, job_id, resource, epoch, partition)
);
CREATE INDEX job_marks_age ON records.job_marks (created_at);
"""

CLOSED = """
CREATE TABLE records.job_books (
    advertiser_id bigint NOT NULL,
    job_id bigint NOT NULL,
    resource text NOT NULL CHECK (resource IN ('customers', 'orders', 'products')),
    epoch integer NOT NULL,
    store_id bigint NOT NULL,
    marks_seen integer NOT NULL,
    created bigint NOT NULL,
    updated bigint NOT NULL,
    unchanged bigint NOT NULL,
    skipped bigint NOT NULL,
    failed bigint NOT NULL,
    closed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (advertiser_id, job_id, resource, epoch)
);
COMMENT ON TABLE records.job_books IS
    'Final counts of old jobs, as job_books_v1 gave them. A job that is here takes no more outcomes and no marks.';

CREATE TABLE records.job_foldings (
    advertiser_id bigint NOT NULL,
    job_id bigint NOT NULL,
    closed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    reached_resource text NOT NULL DEFAULT '',
    reached_id text NOT NULL DEFAULT '',
    PRIMARY KEY (advertiser_id, job_id)
);
CREATE INDEX job_foldings_due ON records.job_foldings (closed_at);
COMMENT ON TABLE records.job_foldings IS
    'Closed jobs whose ledger is still to be deleted, in steps, and how far that has come.';
"""

COUNTS = """
CREATE TABLE records.row_tallies (
    advertiser_id bigint NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    store_id bigint NOT NULL,
    resource text NOT NULL CHECK (resource IN ('customers', 'orders', 'products')),
    number bigint NOT NULL,
    PRIMARY KEY (advertiser_id, id)
);
COMMENT ON TABLE records.row_tallies IS
    'How many rows each statement added to a store or took away: sums are its rows, and cost a page instead of a scan.';

CREATE FUNCTION records.tally_rows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO records.row_tallies (advertiser_id, store_id, resource, number)
    SELECT advertiser_id, source_id, TG_ARGV[0], CASE TG_OP WHEN 'INSERT' THEN count(*) ELSE -count(*) END
    FROM changed
    WHERE source_type = 'ShopifyStore'
    GROUP BY advertiser_id, source_id;
    RETURN NULL;
END
$$;
"""

COUNTED = """
CREATE TRIGGER tally_added AFTER INSERT ON records.{table}
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION records.tally_rows('{resource}');
CREATE TRIGGER tally_taken AFTER DELETE ON records.{table}
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION records.tally_rows('{resource}');
"""

DELIVERIES = """
CREATE TABLE records.deliveries (
    advertiser_id bigint NOT NULL,
    store_id bigint NOT NULL,
    topic text NOT NULL,
    webhook_id text NOT NULL,
    shopify_event_id text,
    digest text NOT NULL,
    triggered_at timestamptz,
    received_at timestamptz NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    outcome text NOT NULL,
    PRIMARY KEY (advertiser_id, store_id, topic, webhook_id)
);
CREATE INDEX deliveries_recent ON records.deliveries (advertiser_id, store_id, received_at DESC);
CREATE INDEX deliveries_age ON records.deliveries (applied_at);

CREATE TABLE records.delivery_digests (
    digest text PRIMARY KEY,
    shop_domain text NOT NULL,
    first_seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX delivery_digests_age ON records.delivery_digests (first_seen_at);
COMMENT ON TABLE records.delivery_digests IS
    'Bodies seen, by SHA-256: the signature covers the body alone, so the same one under another shop is a replay.';
"""

EXPORTS = """
CREATE TABLE records.exports (
    advertiser_id bigint NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    store_id bigint NOT NULL,
    request_id text NOT NULL,
    subject_key bytea NOT NULL,
    records integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (advertiser_id, id),
    UNIQUE (advertiser_id, store_id, request_id)
);
CREATE INDEX exports_subject ON records.exports (subject_key);
CREATE INDEX exports_expiry ON records.exports (expires_at);
CREATE TABLE records.export_chunks (
    advertiser_id bigint NOT NULL,
    export_id bigint NOT NULL,
    number integer NOT NULL,
    content jsonb NOT NULL,
    PRIMARY KEY (advertiser_id, export_id, number),
    FOREIGN KEY (advertiser_id, export_id) REFERENCES records.exports (advertiser_id, id) ON DELETE CASCADE
);
CREATE TABLE records.access_log (
    advertiser_id bigint NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    store_id bigint NOT NULL,
    action text NOT NULL,
    actor text NOT NULL,
    subject text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (advertiser_id, id)
);
COMMENT ON TABLE records.access_log IS 'Every export or view of a customer''s data: who, what, when; ids only.';
"""

EVIDENCE = """
REVOKE UPDATE, DELETE ON records.compliance_receipts, records.access_log FROM svc_record_writer;
"""

MIRROR = (("customers", "contacts"), ("orders", "orders"), ("products", "products"))

TENANT_TABLES = (
    "tombstones",
    "shop_erasures",
    "compliance_receipts",
    "job_ledger",
    "job_tallies",
    "job_marks",
    "job_books",
    "job_foldings",
    "row_tallies",
    "deliveries",
    "exports",
    "export_chunks",
    "access_log",
)

ROW_SECURITY = """
ALTER TABLE records.{table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE records.{table} FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON records.{table} TO svc_record_writer, migrate_record_writer USING (true) WITH CHECK (true);
"""

# The filter is tenancy.visible, but found out once, and no range in the planner's eyes: of a range within the tenant it
# expects so few rows that any index of the tenant's seems as good as the one that holds the id.
MIRRORED = """
    SELECT advertiser_id, source_id AS store_id, '{resource}'::text AS resource, external_id AS record_id,
           created_at_source, updated_at_source, observed_at, deleted_at
    FROM records.{table}
    WHERE source_type = 'ShopifyStore'
      AND coalesce(advertiser_id BETWEEN (SELECT tenancy.first_id()) AND (SELECT tenancy.last_id()), false)
"""

# What proves that the mirror is the shop: a row per record, and one per record that a job saw. The two are compared by
# EXCEPT and INTERSECT: where few rows are expected, as of every job that came since the last ANALYZE, a join compares
# each with each. Some records are found by a look-up of each in a LATERAL that OFFSET 0 keeps one.
PROOF = """
CREATE VIEW records.mirror_v1 WITH (security_barrier) AS {mirrored};

CREATE VIEW records.job_outcomes_v1 WITH (security_barrier) AS
SELECT advertiser_id, job_id, store_id, resource, external_id AS record_id, outcome
FROM records.job_ledger
WHERE tenancy.visible(advertiser_id);

GRANT SELECT ON records.mirror_v1, records.job_outcomes_v1 TO svc_sync_orchestrator;
"""

VIEWS = """
CREATE VIEW records.job_books_v1 WITH (security_barrier) AS
WITH parts AS (
    SELECT advertiser_id, job_id, store_id, resource, epoch FROM records.job_marks
    UNION
    SELECT advertiser_id, job_id, store_id, resource, epoch FROM records.job_tallies
)
SELECT parts.job_id, parts.advertiser_id, parts.store_id, parts.resource, parts.epoch,
       (SELECT count(*) FROM records.job_marks marks
        WHERE (marks.advertiser_id, marks.job_id, marks.resource, marks.epoch)
            = (parts.advertiser_id, parts.job_id, parts.resource, parts.epoch))::integer AS marks_seen,
       counts.created, counts.updated, counts.unchanged, counts.skipped, counts.failed,
       counts.created + counts.updated + counts.unchanged + counts.skipped + counts.failed AS distinct_ids
FROM parts
CROSS JOIN LATERAL (
    SELECT coalesce(sum(created), 0) AS created, coalesce(sum(updated), 0) AS updated,
           coalesce(sum(unchanged), 0) AS unchanged, coalesce(sum(skipped), 0) AS skipped,
           coalesce(sum(failed), 0) AS failed
    FROM records.job_tallies tallies
    WHERE (tallies.advertiser_id, tallies.job_id, tallies.resource)
        = (parts.advertiser_id, parts.job_id, parts.resource)
) counts
WHERE tenancy.visible(parts.advertiser_id)
  AND NOT EXISTS (SELECT FROM records.job_books closed
                  WHERE closed.advertiser_id = parts.advertiser_id AND closed.job_id = parts.job_id)
UNION ALL
SELECT job_id, advertiser_id, store_id, resource, epoch, marks_seen, created, updated, unchanged, skipped, failed,
       created + updated + unchanged + skipped + failed
FROM records.job_books
WHERE tenancy.visible(advertiser_id);

CREATE VIEW records.store_counts_v1 WITH (security_barrier) AS
-- All rows but the deleted ones: these are few, and an index knows them, whoever deleted or revived them.
SELECT store_id, advertiser_id,
       coalesce(sum(number) FILTER (WHERE resource = 'customers'), 0)::bigint AS customers,
       coalesce(sum(number) FILTER (WHERE resource = 'orders'), 0)::bigint AS orders,
       coalesce(sum(number) FILTER (WHERE resource = 'products'), 0)::bigint AS products
FROM (
    SELECT store_id, advertiser_id, resource, number FROM records.row_tallies
    UNION ALL
    SELECT source_id, advertiser_id, 'customers', -1
    FROM records.contacts WHERE source_type = 'ShopifyStore' AND deleted_at IS NOT NULL
    UNION ALL
    SELECT source_id, advertiser_id, 'orders', -1
    FROM records.orders WHERE source_type = 'ShopifyStore' AND deleted_at IS NOT NULL
    UNION ALL
    SELECT source_id, advertiser_id, 'products', -1
    FROM records.products WHERE source_type = 'ShopifyStore' AND deleted_at IS NOT NULL
) AS tallied
WHERE tenancy.visible(advertiser_id)
GROUP BY store_id, advertiser_id;

CREATE VIEW records.failures_v1 WITH (security_barrier) AS
SELECT job_id, advertiser_id, store_id, resource, external_id AS record_id, field, reason
FROM records.job_ledger
WHERE outcome = 'failed' AND tenancy.visible(advertiser_id);

GRANT SELECT ON records.job_books_v1 TO svc_sync_orchestrator;
GRANT SELECT ON records.job_books_v1, records.store_counts_v1, records.failures_v1 TO svc_oauth_gateway;

-- The last 100 deliveries of each store. The limit must be in here, since no reader's limit reaches through a barrier;
-- so the stores are found one after the other, by index, and then the deliveries of each.
CREATE VIEW records.deliveries_v1 WITH (security_barrier) AS
WITH RECURSIVE stores AS (
    (SELECT advertiser_id, store_id FROM records.deliveries
     WHERE tenancy.visible(advertiser_id) ORDER BY advertiser_id, store_id LIMIT 1)
    UNION ALL
    SELECT following.advertiser_id, following.store_id
    FROM stores CROSS JOIN LATERAL (
        SELECT advertiser_id, store_id FROM records.deliveries
        WHERE tenancy.visible(advertiser_id) AND (advertiser_id, store_id) > (stores.advertiser_id, stores.store_id)
        ORDER BY advertiser_id, store_id LIMIT 1
    ) AS following
)
SELECT latest.*
FROM stores CROSS JOIN LATERAL (
    SELECT store_id, advertiser_id, topic, triggered_at, received_at, applied_at, outcome FROM records.deliveries
    WHERE advertiser_id = stores.advertiser_id AND store_id = stores.store_id
    ORDER BY received_at DESC LIMIT 100
) AS latest;

CREATE VIEW records.freshness_v1 WITH (security_barrier) AS
SELECT store_id, advertiser_id, percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS p50_seconds,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds) AS p95_seconds,
       count(*)::integer AS deliveries, max(received_at) AS last_received_at
FROM (
    SELECT store_id, advertiser_id, received_at,
           greatest(0, extract(epoch FROM applied_at - coalesce(triggered_at, received_at)))::float8 AS seconds
    FROM records.deliveries_v1
) AS latest
GROUP BY store_id, advertiser_id;

-- Every export that was ever made, as the log tells: one that has been deleted since expires no more.
CREATE VIEW records.exports_v1 WITH (security_barrier) AS
SELECT made.export_id, made.advertiser_id, made.store_id, export.request_id, export.records, made.created_at,
       export.expires_at
FROM (
    SELECT advertiser_id, store_id, created_at, substring(subject FROM '^export/([0-9]+)$')::bigint AS export_id
    FROM records.access_log WHERE action = 'export'
) AS made
LEFT JOIN records.exports AS export ON export.advertiser_id = made.advertiser_id AND export.id = made.export_id
WHERE tenancy.visible(made.advertiser_id);

CREATE VIEW records.export_chunks_v1 WITH (security_barrier) AS
SELECT export_id, advertiser_id, number, content
FROM records.export_chunks
WHERE tenancy.visible(advertiser_id);

-- A shop is erased after its receipt was written; done_at is NULL until it is.
CREATE VIEW records.compliance_receipts_v1 WITH (security_barrier) AS
SELECT receipt.id AS receipt_id, receipt.advertiser_id, receipt.store_id, receipt.topic, receipt.webhook_id,
       receipt.received_at, receipt.outcome, coalesce(erasure.effects, receipt.effects) AS effects,
       CASE WHEN erasure.store_id IS NULL THEN receipt.done_at ELSE erasure.done_at END AS done_at,
       erasure.keep_anonymous
FROM records.compliance_receipts AS receipt
LEFT JOIN records.shop_erasures AS erasure ON erasure.advertiser_id = receipt.advertiser_id
    AND erasure.store_id = receipt.store_id AND erasure.webhook_id = receipt.webhook_id
WHERE tenancy.visible(receipt.advertiser_id);

GRANT SELECT ON records.deliveries_v1, records.freshness_v1, records.exports_v1, records.export_chunks_v1,
    records.compliance_receipts_v1 TO svc_oauth_gateway;
"""


def upgrade() -> None:
    """Make the tables, bind them to tenants, publish the views."""
    for statements in (ERASURE, LEDGER, CLOSED, COUNTS, DELIVERIES, EXPORTS, outbox_ddl("records")):
        op.execute(statements)
    for table in TENANT_TABLES:
        op.execute(ROW_SECURITY.format(table=table))
    for resource, table in MIRROR:
        op.execute(COUNTED.format(resource=resource, table=table))
    op.execute(EVIDENCE)
    op.execute(VIEWS)
    mirrored = (MIRRORED.format(resource=resource, table=table) for resource, table in MIRROR)
    op.execute(PROOF.format(mirrored="UNION ALL".join(mirrored)))


def downgrade() -> None:
    """Drop the views and tables."""
    op.execute(
        "DROP VIEW records.mirror_v1, records.job_outcomes_v1, records.job_books_v1, records.store_counts_v1, "
        "records.failures_v1, records.freshness_v1, records.deliveries_v1, records.exports_v1, "
        "records.export_chunks_v1, records.compliance_receipts_v1"
    )
    for table in ("contacts", "orders", "products"):
        op.execute(
            f"DROP TRIGGER tally_added ON records.{table}; DROP TRIGGER tally_taken ON records.{table}"
        )
    op.execute("DROP FUNCTION records.tally_rows()")
    op.execute(
        "DROP TABLE records.outbox, records.access_log, records.export_chunks, records.exports, "
        "records.delivery_digests, records.deliveries, records.row_tallies, records.job_foldings, records.job_books, "
        "records.job_marks, records.job_tallies, records.job_ledger, "
        "records.compliance_receipts, records.shop_erasures, records.redacted_shops, records.redactions, "
        "records.tombstones"
    )
