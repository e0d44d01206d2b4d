"""A row of each advertiser from 1 on in everything that tenants read; each has one store, of the same number."""

from typing import Any, Final

import psycopg

_SEED: Final = """
CREATE TEMPORARY TABLE tenants AS
    SELECT n, 's' || n || '.myshopify.com' AS shop FROM generate_series(1, {tenants}) AS n;

INSERT INTO gateway.users (id, email, name, password_hash) OVERRIDING SYSTEM VALUE
    SELECT n, n || '@example.com', 'U', '' FROM tenants;
INSERT INTO gateway.advertisers (id, slug, name) OVERRIDING SYSTEM VALUE SELECT n, 'a' || n, 'A' FROM tenants;
INSERT INTO gateway.memberships (advertiser_id, user_id, role) SELECT n, n, 'owner' FROM tenants;
INSERT INTO gateway.invitations (advertiser_id, user_id, token_hash, role, invited_by, expires_at)
    SELECT n, n, sha256(n::text::bytea), 'member', n, 'infinity' FROM tenants;
INSERT INTO gateway.shopify_stores (id, advertiser_id, shop_domain, name) OVERRIDING SYSTEM VALUE
    SELECT n, n, shop, 'S' FROM tenants;
INSERT INTO gateway.oauth_states (advertiser_id, state_hash, session_hash, user_id, shop_domain, expires_at)
    SELECT n, sha256(n::text::bytea), sha256('session'), n, shop, 'infinity' FROM tenants;
INSERT INTO gateway.dismissed_banners (advertiser_id, user_id, store_id, until) SELECT n, n, n, 'infinity' FROM tenants;

INSERT INTO fetcher.installations (id, shop_domain, api_version, webhooks_installed) OVERRIDING SYSTEM VALUE
    SELECT n, shop, '2026-10', true FROM tenants;
INSERT INTO fetcher.connections (advertiser_id, store_id, installation_id, status, connected_at)
    SELECT n, n, n, 'connected', now() FROM tenants;
INSERT INTO fetcher.api_budgets (installation_id, bucket_size, available, restore_rate, level_at)
    SELECT n, 2000, 2000, 100, now() FROM tenants;

INSERT INTO sync.store_state (advertiser_id, store_id, installation_id, shop_domain, generation, status)
    SELECT n, n, n, shop, 1, 'connected' FROM tenants;
INSERT INTO sync.sync_jobs (job_id, advertiser_id, store_id, installation_id, shop_domain, job_type, status,
                            triggered_by, due_at, started_at, completed_at, actual_duration)
    OVERRIDING SYSTEM VALUE
    SELECT n, n, n, n, shop, 'full_sync', 'completed', 'user', now(), now(), now(), 60 FROM tenants;
INSERT INTO sync.sync_job_parts (advertiser_id, job_id, resource, state, published)
    SELECT n, n, resource, 'done', 100 FROM tenants, unnest('{{customers,orders,products}}'::text[]) AS resource;
INSERT INTO sync.checks (advertiser_id, store_id, reason, state, ended_at)
    SELECT n, n, 'full_sync', 'done', now() FROM tenants;
INSERT INTO sync.proofs (
    advertiser_id, store_id, resource, check_id, job_id, shopify_count, our_count, missing, surplus, repaired,
    checked_at
)
    SELECT n, n, 'orders', n, n, 100, 100, 0, 0, 0, now() FROM tenants;
INSERT INTO sync.deletions (advertiser_id, store_id, resource, record_id, check_id, state)
    SELECT n, n, 'orders', '1', n, 'waiting' FROM tenants;

INSERT INTO records.contacts (advertiser_id, source_type, source_id, external_id, email)
    SELECT n, 'ShopifyStore', n, '1', 'Ada@example.com' FROM tenants;
INSERT INTO records.orders (advertiser_id, source_type, source_id, external_id, currency, total_price, ordered_at)
    SELECT n, 'ShopifyStore', n, '1', 'USD', 1, now() FROM tenants;
INSERT INTO records.products (advertiser_id, source_type, source_id, external_id, title)
    SELECT n, 'ShopifyStore', n, '1', 'Hat' FROM tenants;
INSERT INTO records.job_ledger (advertiser_id, job_id, resource, external_id, store_id, outcome)
    SELECT n, n, 'orders', '1', n, 'failed' FROM tenants;
INSERT INTO records.job_tallies (advertiser_id, job_id, store_id, resource, epoch, failed)
    SELECT n, n, n, 'orders', 1, 1 FROM tenants;
INSERT INTO records.deliveries (advertiser_id, store_id, topic, webhook_id, digest, received_at, outcome)
    SELECT n, n, 'orders/create', 'w', 'd', now(), 'applied' FROM tenants;
INSERT INTO records.exports (advertiser_id, id, store_id, request_id, subject_key, records, expires_at)
    OVERRIDING SYSTEM VALUE SELECT n, n, n, 'r', 'k', 1, '2100-01-01Z' FROM tenants;
INSERT INTO records.export_chunks (advertiser_id, export_id, number, content) SELECT n, n, 1, '[{{}}]' FROM tenants;
INSERT INTO records.access_log (advertiser_id, store_id, action, actor, subject)
    SELECT n, n, 'export', 'shopify:data_request', 'export/' || n FROM tenants;
INSERT INTO records.compliance_receipts (advertiser_id, topic, shop_key, webhook_id, store_id, received_at, outcome)
    SELECT n, 'customers/data_request', 'k', 'w', n, now(), 'done' FROM tenants;
INSERT INTO gateway.data_access (advertiser_id, user_id, action, export_id, store_id)
    SELECT n, n, 'download', n, n FROM tenants;

INSERT INTO notify.emails (advertiser_id, event_id, template, recipient_user_id, variables, idempotency_key)
    SELECT n, 'e', 'shopify_sync_complete', n, '{{}}', 'k' FROM tenants;
"""


def seed(admin: "psycopg.Connection[Any]", *, tenants: int) -> None:
    """Add the rows of so many tenants, and statistics of them, as a superuser in autocommit."""
    admin.execute(_SEED.format(tenants=tenants).encode())
    admin.execute("VACUUM ANALYZE")
