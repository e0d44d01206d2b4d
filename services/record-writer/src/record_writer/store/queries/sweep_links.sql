-- Link recently written orders whose contact was written at the same time by a batch that could not see them.
WITH waiting AS (
    SELECT orders.ctid AS place, orders.advertiser_id, orders.source_type, orders.source_id, orders.customer_external_id,
           orders.email, orders.link_rank
    FROM records.orders
    WHERE orders.link_rank < 3
      AND (orders.customer_external_id IS NOT NULL OR orders.email IS NOT NULL)
      AND orders.updated_at > clock_timestamp() - make_interval(secs => %(horizon_seconds)s)
    ORDER BY orders.updated_at DESC
    LIMIT %(limit)s
), best AS (
    SELECT waiting.place, found.contact_id, found.rank
    FROM waiting
    CROSS JOIN LATERAL (
        SELECT contact_id, rank
        FROM (
            SELECT contact.id AS contact_id, 3 AS rank
            FROM records.contacts AS contact
            WHERE contact.advertiser_id = waiting.advertiser_id
              AND contact.source_type = waiting.source_type
              AND contact.source_id = waiting.source_id
              AND contact.external_id = waiting.customer_external_id
            UNION ALL
            SELECT contact.id, CASE WHEN contact.source_id = waiting.source_id THEN 2 ELSE 1 END
            FROM records.contacts AS contact
            WHERE contact.advertiser_id = waiting.advertiser_id
              AND lower(contact.email) = lower(waiting.email)
              AND contact.deleted_at IS NULL
        ) AS candidate
        ORDER BY rank DESC, contact_id
        LIMIT 1
    ) AS found
    WHERE found.rank > waiting.link_rank
), claimed AS MATERIALIZED (
    SELECT orders.ctid AS place, best.contact_id, best.rank
    FROM best JOIN records.orders ON orders.ctid = best.place
    WHERE orders.link_rank < best.rank
    FOR NO KEY UPDATE OF orders SKIP LOCKED
)
UPDATE records.orders SET contact_id = claimed.contact_id, link_rank = claimed.rank, updated_at = clock_timestamp()
FROM claimed
WHERE orders.ctid = claimed.place
