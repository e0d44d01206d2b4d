-- Give each staged order its contact before it is written: one write instead of two.
UPDATE staged SET contact_id = best.id, match_rank = best.rank
FROM staged AS wanted
CROSS JOIN LATERAL (
    SELECT id, rank
    FROM (
        SELECT contact.id, 3 AS rank
        FROM records.contacts AS contact
        WHERE contact.advertiser_id = wanted.advertiser_id
          AND contact.source_type = 'ShopifyStore'
          AND contact.source_id = wanted.source_id
          AND contact.external_id = wanted.customer_external_id
        UNION ALL
        SELECT contact.id, CASE WHEN contact.source_id = wanted.source_id THEN 2 ELSE 1 END
        FROM records.contacts AS contact
        WHERE contact.advertiser_id = wanted.advertiser_id
          AND contact.email_key = lower(wanted.email)
          AND contact.deleted_at IS NULL
    ) AS candidate
    ORDER BY rank DESC, id
    LIMIT 1
) AS best
WHERE staged.ctid = wanted.ctid
