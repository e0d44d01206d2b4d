-- Delete the next of a store's orders that were observed before its erasure was asked for.
WITH page AS (
    SELECT advertiser_id, id, external_id FROM records.orders
    WHERE advertiser_id = %(advertiser_id)s AND source_type = 'ShopifyStore' AND source_id = %(store_id)s
      AND external_id > %(after)s AND observed_at <= %(requested_at)s
    ORDER BY external_id
    LIMIT %(limit)s
), gone AS (
    DELETE FROM records.orders USING page
    WHERE orders.advertiser_id = page.advertiser_id AND orders.id = page.id
)
SELECT count(*), max(external_id) FROM page
