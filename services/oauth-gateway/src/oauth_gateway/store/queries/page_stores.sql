-- Every store of the advertiser that was ever connected, with what the other services publish about it.
SELECT store.id, store.shop_domain, store.name, store.sync_frequency,
       installation.status AS connection, installation.disconnect_reason, installation.disconnected_at,
       coalesce(installation.has_all_orders, false) AS has_all_orders,
       state.status AS sync_status, state.last_sync_at, state.last_sync_status, state.last_sync_error,
       coalesce(state.initial_sync_completed, false) AS initial_sync_completed, state.next_run_at,
       coalesce(counts.customers, 0) AS customers, coalesce(counts.orders, 0) AS orders,
       coalesce(counts.products, 0) AS products,
       health.bucket_size, health.available, health.blocked_until
FROM gateway.shopify_stores AS store
JOIN fetcher.installations_v1 AS installation ON installation.store_id = store.id
LEFT JOIN fetcher.api_health_v1 AS health ON health.store_id = store.id
LEFT JOIN sync.store_state_v1 AS state ON state.store_id = store.id
LEFT JOIN records.store_counts_v1 AS counts ON counts.store_id = store.id
ORDER BY store.created_at, store.id
