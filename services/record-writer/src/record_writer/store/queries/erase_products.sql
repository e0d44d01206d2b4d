-- Delete the next of a store's products that were observed before its erasure was asked for.
WITH page AS (
    SELECT advertiser_id, id, external_id FROM records.products
    WHERE advertiser_id = %(advertiser_id)s AND source_type = 'ShopifyStore' AND source_id = %(store_id)s
      AND external_id > %(after)s AND observed_at <= %(requested_at)s
    ORDER BY external_id
    LIMIT %(limit)s
), gone AS (
    DELETE FROM records.products USING page
    WHERE products.advertiser_id = page.advertiser_id AND products.id = page.id
)
SELECT count(*), max(external_id) FROM page
