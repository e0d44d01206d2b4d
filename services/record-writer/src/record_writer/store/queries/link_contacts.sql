-- Give these contacts the orders that waited for them. Orders that another batch holds are left to the sweep.
WITH written AS (
    SELECT contact.*
    FROM unnest(%(advertiser_ids)s::bigint[], %(ids)s::bigint[]) AS listed (advertiser_id, id)
    JOIN records.contacts AS contact USING (advertiser_id, id)
), candidate AS (
    SELECT orders.advertiser_id, orders.id, written.id AS contact_id, 3 AS rank
    FROM written
    JOIN records.orders
      ON orders.advertiser_id = written.advertiser_id
     AND orders.source_type = written.source_type
     AND orders.source_id = written.source_id
     AND orders.customer_external_id = written.external_id
    WHERE orders.link_rank < 3 AND orders.customer_external_id IS NOT NULL
    UNION ALL
    SELECT orders.advertiser_id, orders.id, written.id,
           CASE WHEN orders.source_id = written.source_id THEN 2 ELSE 1 END
    FROM written
    JOIN records.orders
      ON orders.advertiser_id = written.advertiser_id AND lower(orders.email) = lower(written.email)
    WHERE orders.link_rank < 2 AND orders.email IS NOT NULL AND written.deleted_at IS NULL
), best AS (
    SELECT DISTINCT ON (advertiser_id, id) advertiser_id, id, contact_id, rank
    FROM candidate
    ORDER BY advertiser_id, id, rank DESC, contact_id
), claimed AS (
    SELECT orders.advertiser_id, orders.id, best.contact_id, best.rank
    FROM records.orders JOIN best USING (advertiser_id, id)
    WHERE orders.link_rank < best.rank
    FOR NO KEY UPDATE OF orders SKIP LOCKED
)
UPDATE records.orders SET contact_id = claimed.contact_id, link_rank = claimed.rank, updated_at = clock_timestamp()
FROM claimed
WHERE orders.advertiser_id = claimed.advertiser_id AND orders.id = claimed.id
