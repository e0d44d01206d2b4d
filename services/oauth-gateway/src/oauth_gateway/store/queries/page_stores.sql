-- Every store of the advertiser that was ever connected, with what the other services publish about it.
SELECT store.id, store.shop_domain, store.name, store.sync_frequency,
       installation.status AS connection, installation.disconnect_reason, installation.disconnected_at,
       installation.has_all_orders, installation.access_scopes, installation.timezone,
       state.status AS sync_status, state.last_sync_at, state.last_sync_status, state.last_sync_error,
       coalesce(state.initial_sync_completed, false) AS initial_sync_completed, state.next_run_at,
       health.bucket_size, health.available, health.blocked_until
FROM gateway.shopify_stores AS store
JOIN fetcher.installations_v1 AS installation
    ON installation.store_id = store.id AND installation.advertiser_id = :advertiser_id
LEFT JOIN fetcher.api_health_v1 AS health
    ON health.store_id = store.id AND health.advertiser_id = :advertiser_id
LEFT JOIN sync.store_state_v1 AS state ON state.store_id = store.id AND state.advertiser_id = :advertiser_id
ORDER BY store.created_at, store.id
