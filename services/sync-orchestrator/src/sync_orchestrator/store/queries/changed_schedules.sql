-- Stores whose settings or zone are no longer those that their next run was worked out from.
SELECT s.advertiser_id, s.store_id, g.sync_frequency, g.products_frequency,
       coalesce(i.timezone, s.timezone) AS timezone, clock_timestamp() AS now
FROM sync.store_state s
JOIN gateway.stores_v1 g ON g.advertiser_id = s.advertiser_id AND g.store_id = s.store_id
LEFT JOIN fetcher.installations_v1 i ON i.advertiser_id = s.advertiser_id AND i.store_id = s.store_id
WHERE s.status IN ('connected', 'syncing') AND s.initial_sync_completed
  AND (s.scheduled_frequency IS DISTINCT FROM g.sync_frequency
       OR s.scheduled_products_frequency IS DISTINCT FROM g.products_frequency
       OR s.timezone IS DISTINCT FROM coalesce(i.timezone, s.timezone))
LIMIT :stores_max
FOR UPDATE OF s SKIP LOCKED
