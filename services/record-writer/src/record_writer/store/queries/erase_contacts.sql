-- Delete the next of a store's contacts that were observed before its erasure was asked for; orders of other stores
-- that were linked to them are left to the sweep.
WITH page AS (
    SELECT advertiser_id, id, external_id FROM records.contacts
    WHERE advertiser_id = %(advertiser_id)s AND source_type = 'ShopifyStore' AND source_id = %(store_id)s
      AND external_id > %(after)s AND observed_at <= %(requested_at)s
    ORDER BY external_id
    LIMIT %(limit)s
), gone AS (
    DELETE FROM records.contacts USING page
    WHERE contacts.advertiser_id = page.advertiser_id AND contacts.id = page.id
), unlinked AS (
    UPDATE records.orders SET contact_id = NULL, updated_at = clock_timestamp()
    FROM page
    WHERE orders.advertiser_id = page.advertiser_id AND orders.contact_id = page.id
)
SELECT count(*), max(external_id) FROM page
