-- The product's entities, under the names and attributes that its requirements give them.
-- Run by a superuser after every service has migrated; repeatable. Tenants are told apart by what lies beneath. Stores
-- and jobs are made of views that filter by the role that asks, which a view on top does not change. Contacts, orders
-- and products are read with the rights of whoever asks, so the tables' row-level security applies; a barrier besides
-- would only keep other roles from their indexes.

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

-- What is derived stands beside Shopify's own figures and changes none of them. Each is a look-up of its own, so that a
-- column that is not asked for costs nothing. FILTER and not WHERE: a plain min() may be sought in all the tenant's
-- orders by time, instead of in the few of the contact.
CREATE OR REPLACE VIEW public.contacts WITH (security_invoker) AS
SELECT
    contact.id,
    contact.advertiser_id,
    contact.source_type,
    contact.source_id,
    contact.external_id,
    contact.email,
    contact.phone,
    contact.first_name,
    contact.last_name,
    contact.accepts_marketing,
    contact.accepts_marketing_updated_at,
    contact.marketing_opt_in_level,
    contact.tags,
    contact.note,
    contact.state,
    contact.total_spent,
    contact.orders_count,
    contact.last_order_at,
    (SELECT min(orders.ordered_at) FILTER (WHERE orders.deleted_at IS NULL) FROM records.orders
     WHERE orders.advertiser_id = contact.advertiser_id AND orders.contact_id = contact.id) AS first_order_at,
    contact.default_address,
    contact.addresses,
    contact.metadata,
    contact.created_at_source,
    nullif(contact.updated_at_source, '-infinity') AS updated_at_source,
    contact.created_at,
    contact.updated_at,
    contact.display_name,
    contact.source_type = 'ShopifyStore' AS from_shopify,
    contact.marketable,
    (SELECT 'https://' || store.shop_domain || '/admin' || contact.admin_path FROM gateway.stores_v1 AS store
     WHERE store.advertiser_id = contact.advertiser_id AND store.store_id = contact.source_id) AS admin_url,
    contact.currency,
    contact.email_key,
    contact.deleted_at,
    (SELECT max(orders.ordered_at) FILTER (WHERE orders.deleted_at IS NULL) FROM records.orders
     WHERE orders.advertiser_id = contact.advertiser_id AND orders.contact_id = contact.id) AS last_mirrored_order_at,
    -- In the contact's currency, as total_spent is: sums of several currencies would be no amount at all.
    CASE WHEN contact.currency IS NOT NULL THEN
        (SELECT coalesce(sum(orders.refunded_total), 0) FROM records.orders
         WHERE orders.advertiser_id = contact.advertiser_id AND orders.contact_id = contact.id
           AND orders.deleted_at IS NULL AND orders.currency = contact.currency) END AS total_refunded
FROM records.contacts AS contact;

CREATE OR REPLACE VIEW public.orders WITH (security_invoker) AS
SELECT
    placed.id,
    placed.advertiser_id,
    placed.source_type,
    placed.source_id,
    placed.contact_id,
    placed.external_id,
    placed.order_number,
    placed.email,
    placed.financial_status,
    placed.fulfillment_status,
    placed.currency,
    placed.subtotal,
    placed.total_tax,
    placed.total_discounts,
    placed.total_price,
    placed.line_items,
    placed.discount_codes,
    placed.shipping_address,
    placed.billing_address,
    placed.customer_locale,
    placed.tags,
    placed.note,
    placed.cancelled_at,
    placed.cancel_reason,
    placed.closed_at,
    placed.metadata,
    placed.ordered_at,
    placed.created_at_source,
    nullif(placed.updated_at_source, '-infinity') AS updated_at_source,
    placed.created_at,
    placed.updated_at,
    placed.source_type = 'ShopifyStore' AS from_shopify,
    placed.paid,
    placed.refunded,
    (SELECT 'https://' || store.shop_domain || '/admin' || placed.admin_path FROM gateway.stores_v1 AS store
     WHERE store.advertiser_id = placed.advertiser_id AND store.store_id = placed.source_id) AS admin_url,
    placed.phone,
    placed.product_ids,
    placed.current_total_price,
    placed.refunded_total,
    placed.deleted_at
FROM records.orders AS placed;

CREATE OR REPLACE VIEW public.products WITH (security_invoker) AS
SELECT
    product.id,
    product.advertiser_id,
    product.source_type,
    product.source_id,
    product.external_id,
    product.title,
    product.description,
    product.product_type,
    product.vendor,
    product.tags,
    product.status,
    product.variants,
    product.images,
    product.handle,
    product.published_at,
    product.metadata,
    product.created_at_source,
    nullif(product.updated_at_source, '-infinity') AS updated_at_source,
    product.created_at,
    product.updated_at,
    product.source_type = 'ShopifyStore' AS from_shopify,
    product.in_stock,
    product.primary_image_url,
    (SELECT 'https://' || store.shop_domain || '/admin' || product.admin_path FROM gateway.stores_v1 AS store
     WHERE store.advertiser_id = product.advertiser_id AND store.store_id = product.source_id) AS admin_url,
    product.search,
    product.deleted_at
FROM records.products AS product;

GRANT SELECT ON public.shopify_stores, public.sync_jobs, public.contacts, public.orders, public.products
    TO svc_oauth_gateway;

COMMIT;
