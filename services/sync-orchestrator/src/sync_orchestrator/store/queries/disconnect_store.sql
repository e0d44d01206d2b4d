-- Note a disconnection, unless a newer connection is known; remembered even if the connection was never heard of.
INSERT INTO sync.store_state AS s (
    advertiser_id, store_id, installation_id, shop_domain, generation, status, last_sync_error
)
VALUES (:advertiser_id, :store_id, :installation_id, :shop_domain, :generation, 'disconnected', :error)
ON CONFLICT (advertiser_id, store_id) DO UPDATE
SET generation = excluded.generation, status = 'disconnected', last_sync_error = excluded.last_sync_error,
    next_run_at = NULL, next_products_run_at = NULL, scheduled_frequency = NULL, updated_at = clock_timestamp()
WHERE s.generation < excluded.generation OR (s.generation = excluded.generation AND s.status <> 'disconnected')
RETURNING s.store_id
