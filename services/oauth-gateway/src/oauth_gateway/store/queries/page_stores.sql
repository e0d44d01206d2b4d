-- Every store of the advertiser that was ever connected, with what the other services publish about it.
SELECT store.id, store.shop_domain, store.name, store.sync_frequency, store.products_frequency,
       store.history_requested_at, coalesce(state.orders_complete, false) AS orders_complete,
       installation.status AS connection, installation.disconnect_reason, installation.disconnected_at,
       installation.has_all_orders, installation.access_scopes, installation.timezone,
       state.status AS sync_status, state.last_sync_at, state.last_sync_status, state.last_sync_error,
       coalesce(state.initial_sync_completed, false) AS initial_sync_completed, state.next_run_at,
       checked.check_id, checked.state AS check_state, checked.error_message AS check_error,
       checked.ended_at AS check_ended_at, health.bucket_size, health.available, health.blocked_until
FROM gateway.shopify_stores AS store
JOIN fetcher.installations_v1 AS installation
    ON installation.store_id = store.id AND installation.advertiser_id = :advertiser_id
LEFT JOIN fetcher.api_health_v1 AS health
    ON health.store_id = store.id AND health.advertiser_id = :advertiser_id
LEFT JOIN sync.store_state_v1 AS state ON state.store_id = store.id AND state.advertiser_id = :advertiser_id
LEFT JOIN LATERAL (
    SELECT newest.check_id, newest.state, newest.error_message, newest.ended_at
    FROM sync.checks_v1 AS newest
    WHERE newest.store_id = store.id AND newest.advertiser_id = :advertiser_id
    ORDER BY newest.check_id DESC LIMIT 1
) AS checked ON true
ORDER BY store.created_at, store.id
