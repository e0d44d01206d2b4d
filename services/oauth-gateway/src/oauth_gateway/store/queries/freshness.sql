-- How long the last deliveries of each store took. The view reads them by index, a hundred of a store.
SELECT fresh.store_id, fresh.p50_seconds, fresh.p95_seconds, fresh.deliveries, fresh.last_received_at
FROM records.freshness_v1 AS fresh
WHERE fresh.advertiser_id = :advertiser_id
