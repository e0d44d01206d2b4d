-- The last deliveries of a store; the view holds no more than a hundred.
SELECT delivery.topic, delivery.triggered_at, delivery.received_at, delivery.applied_at, delivery.outcome
FROM records.deliveries_v1 AS delivery
WHERE delivery.advertiser_id = :advertiser_id AND delivery.store_id = :store_id
ORDER BY delivery.received_at DESC
