-- Who wished for a store's whole order history, where it may be read and is not read yet.
SELECT store.history_requested_by AS user_id
FROM gateway.shopify_stores AS store
JOIN fetcher.installations_v1 AS installation
    ON installation.store_id = store.id AND installation.advertiser_id = :advertiser_id
JOIN sync.store_state_v1 AS state ON state.store_id = store.id AND state.advertiser_id = :advertiser_id
WHERE store.id = :store_id AND store.history_requested_at IS NOT NULL AND installation.has_all_orders
  AND NOT state.orders_complete
