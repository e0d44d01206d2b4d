-- Link recently written orders whose contact was written at the same time by a batch that could not see them: one page,
-- the newest first. Tell how many were linked and, if the page is full, its last place. An order or a contact that
-- another transaction holds is left to the next sweep, so that a contact being deleted is never waited for.
WITH waiting AS (
    SELECT orders.ctid AS place, orders.advertiser_id, orders.id, orders.source_type, orders.source_id,
           orders.customer_external_id, orders.email, orders.link_rank, orders.updated_at
    FROM records.orders
    WHERE orders.link_rank < 3
      AND (orders.customer_external_id IS NOT NULL OR orders.email IS NOT NULL)
      AND (%(store_ids)s::bigint[] IS NULL
           OR orders.source_type = 'ShopifyStore' AND orders.source_id = ANY (%(store_ids)s::bigint[]))
      AND orders.updated_at > statement_timestamp() - make_interval(secs => %(horizon_seconds)s)
      AND (orders.updated_at, orders.advertiser_id, orders.id)
          < (%(updated_at)s::timestamptz, %(advertiser_id)s, %(id)s)
    ORDER BY orders.updated_at DESC, orders.advertiser_id DESC, orders.id DESC
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
              AND contact.email_key = lower(waiting.email)
              AND contact.deleted_at IS NULL
        ) AS candidate
        ORDER BY rank DESC, contact_id
        LIMIT 1
    ) AS found
    WHERE found.rank > waiting.link_rank
), claimed AS MATERIALIZED (
    SELECT orders.ctid AS place, best.contact_id, best.rank
    FROM best
    JOIN records.orders ON orders.ctid = best.place
    JOIN records.contacts AS contact ON contact.advertiser_id = orders.advertiser_id AND contact.id = best.contact_id
    WHERE orders.link_rank < best.rank
    FOR NO KEY UPDATE OF orders SKIP LOCKED
    FOR KEY SHARE OF contact SKIP LOCKED
), linked AS (
    UPDATE records.orders SET contact_id = claimed.contact_id, match_rank = claimed.rank, updated_at = clock_timestamp()
    FROM claimed
    WHERE orders.ctid = claimed.place
    RETURNING 1
)
SELECT counted.linked, last.updated_at, last.advertiser_id, last.id
FROM (SELECT count(*) AS linked FROM linked) AS counted
LEFT JOIN (
    SELECT updated_at, advertiser_id, id FROM waiting
    ORDER BY updated_at DESC, advertiser_id DESC, id DESC
    OFFSET %(limit)s - 1
) AS last ON true
