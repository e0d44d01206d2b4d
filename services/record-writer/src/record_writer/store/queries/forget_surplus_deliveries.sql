-- Delete the next deliveries that are not among their store's last ones. The stores are found one after another by index,
-- and so is the oldest delivery of each that stays.
WITH RECURSIVE store AS (
    (SELECT advertiser_id, store_id FROM records.deliveries ORDER BY advertiser_id, store_id LIMIT 1)
    UNION ALL
    SELECT next.*
    FROM store
    CROSS JOIN LATERAL (
        SELECT advertiser_id, store_id FROM records.deliveries AS delivery
        WHERE (delivery.advertiser_id, delivery.store_id) > (store.advertiser_id, store.store_id)
        ORDER BY advertiser_id, store_id
        LIMIT 1
    ) AS next
)
DELETE FROM records.deliveries
WHERE ctid = ANY (ARRAY(
    SELECT surplus.place
    FROM store
    CROSS JOIN LATERAL (
        SELECT ctid AS place FROM records.deliveries AS delivery
        WHERE delivery.advertiser_id = store.advertiser_id AND delivery.store_id = store.store_id
          AND delivery.received_at < (
              SELECT received_at FROM records.deliveries AS newer
              WHERE newer.advertiser_id = store.advertiser_id AND newer.store_id = store.store_id
              ORDER BY received_at DESC
              OFFSET %(kept)s - 1
              LIMIT 1
          )
        FOR UPDATE SKIP LOCKED
    ) AS surplus
    LIMIT %(limit)s
))
