-- The two entities that span schemas, under the names and attributes the product's requirements give them.
-- Run by a superuser after every service has migrated; repeatable. Tenants are told apart by the views beneath:
-- they filter by the role that asks, which a view on top does not change.

-- Readers are not waited for, and columns are only ever added at the end: to replace one, drop the view first.

BEGIN;
SET LOCAL lock_timeout = '5s';
SET LOCAL ROLE migrate_published;

CREATE OR REPLACE VIEW public.shopify_stores WITH (security_barrier) AS
SELECT
    store.store_id AS id,
    store.advertiser_id,
    store.shop_domain,
    installation.access_scopes,  -- the token itself is never published
    store.name,
    CASE WHEN installation.status = 'disconnected' THEN 'disconnected'
         ELSE coalesce(state.status, installation.status) END AS status,
    state.last_sync_at,
    state.last_sync_status,
    state.last_sync_error,
    store.sync_frequency,
    coalesce(state.initial_sync_completed, false) AS initial_sync_completed,
    installation.shopify_shop_id,
    installation.shop_owner,
    installation.email,
    installation.currency,
    installation.timezone,
    installation.plan_name,
    installation.webhooks_installed,
    store.created_at,
    greatest(store.updated_at, state.updated_at, installation.connected_at, installation.disconnected_at)
        AS updated_at
FROM gateway.stores_v1 AS store
JOIN fetcher.installations_v1 AS installation USING (advertiser_id, store_id)
LEFT JOIN sync.store_state_v1 AS state USING (advertiser_id, store_id);

CREATE OR REPLACE VIEW public.sync_jobs WITH (security_barrier) AS
SELECT
    job_id AS id,
    advertiser_id,
    store_id AS shopify_store_id,
    job_type,
    status,
    started_at,
    completed_at,
    records_processed,
    records_created,
    records_updated,
    records_failed,
    error_message,
    error_details,
    estimated_duration,
    actual_duration,
    triggered_by,
    triggered_by_user_id,
    job_id || '.' || epoch AS sidekiq_jid,  -- what ties a run to its log lines: the job and its holder's epoch
    created_at,
    updated_at
FROM sync.jobs_v1;

GRANT SELECT ON public.shopify_stores, public.sync_jobs TO svc_oauth_gateway;

COMMIT;
