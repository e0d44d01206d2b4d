-- Delete some of a store's contacts that were observed before its erasure was asked for; orders of other stores that
-- were linked to them are left to the sweep.
WITH gone AS (
    DELETE FROM records.contacts WHERE (advertiser_id, id) IN (
        SELECT advertiser_id, id FROM records.contacts
        WHERE advertiser_id = %(advertiser_id)s AND source_type = 'ShopifyStore' AND source_id = %(store_id)s
          AND observed_at <= %(requested_at)s
        LIMIT %(limit)s
    )
    RETURNING advertiser_id, id
), unlinked AS (
    UPDATE records.orders SET contact_id = NULL, updated_at = clock_timestamp()
    FROM gone
    WHERE orders.advertiser_id = gone.advertiser_id AND orders.contact_id = gone.id
)
SELECT FROM gone
