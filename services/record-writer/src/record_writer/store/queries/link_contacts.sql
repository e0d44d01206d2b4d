-- Give the contacts of this batch, and those that it restored, the orders that waited for them. Orders that another batch
-- holds are left to the sweep.
-- OFFSET 0 keeps each look-up a look-up: as a join the planner may read a whole tenant's orders instead.
WITH written AS MATERIALIZED (
    SELECT contact.advertiser_id, contact.id, contact.source_type, contact.source_id, contact.external_id,
           CASE WHEN contact.deleted_at IS NULL THEN contact.email_key END AS email
    FROM (
        SELECT advertiser_id, source_id, external_id FROM staged
        UNION
        SELECT advertiser_id, store_id, external_id
        FROM jsonb_to_recordset(%(restored)s) AS restored (advertiser_id bigint, store_id bigint, external_id text)
    ) AS staged
    CROSS JOIN LATERAL (
        SELECT contacts.* FROM records.contacts
        WHERE contacts.advertiser_id = staged.advertiser_id
          AND contacts.source_type = 'ShopifyStore'
          AND contacts.source_id = staged.source_id
          AND contacts.external_id = staged.external_id
        OFFSET 0
    ) AS contact
), candidate AS (
    SELECT waiting.place, written.id AS contact_id, 3 AS rank
    FROM written
    CROSS JOIN LATERAL (
        SELECT orders.ctid AS place
        FROM records.orders
        WHERE orders.advertiser_id = written.advertiser_id
          AND orders.source_type = written.source_type
          AND orders.source_id = written.source_id
          AND orders.customer_external_id = written.external_id
          AND orders.customer_external_id IS NOT NULL
          AND orders.link_rank < 3
        OFFSET 0
    ) AS waiting
    UNION ALL
    SELECT waiting.place, written.id, CASE WHEN waiting.source_id = written.source_id THEN 2 ELSE 1 END
    FROM written
    CROSS JOIN LATERAL (
        SELECT orders.ctid AS place, orders.source_id
        FROM records.orders
        WHERE orders.advertiser_id = written.advertiser_id
          AND lower(orders.email) = written.email
          AND orders.email IS NOT NULL
          AND orders.link_rank < 2
        OFFSET 0
    ) AS waiting
), best AS (
    SELECT DISTINCT ON (place) place, contact_id, rank
    FROM candidate
    ORDER BY place, rank DESC, contact_id
), claimed AS MATERIALIZED (
    SELECT orders.ctid AS place, best.contact_id, best.rank
    FROM best JOIN records.orders ON orders.ctid = best.place
    WHERE orders.link_rank < best.rank
    FOR NO KEY UPDATE OF orders SKIP LOCKED
)
UPDATE records.orders SET contact_id = claimed.contact_id, match_rank = claimed.rank, updated_at = clock_timestamp()
FROM claimed
WHERE orders.ctid = claimed.place
