-- Note a connection, unless a newer one is known; a store keeps its history when it comes back.
INSERT INTO sync.store_state AS s (
    advertiser_id, store_id, installation_id, shop_domain, generation, status, timezone
)
VALUES (:advertiser_id, :store_id, :installation_id, :shop_domain, :generation, 'connected', :timezone)
ON CONFLICT (advertiser_id, store_id) DO UPDATE
SET installation_id = excluded.installation_id, shop_domain = excluded.shop_domain,
    generation = excluded.generation, timezone = excluded.timezone,
    status = 'connected', scheduled_frequency = NULL, updated_at = clock_timestamp()
WHERE s.generation < excluded.generation
RETURNING s.store_id
