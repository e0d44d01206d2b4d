-- Take everything that names a person out of the next of a store's orders; they stay for the merchant's books.
WITH page AS (
    SELECT advertiser_id, id, external_id FROM records.orders
    WHERE advertiser_id = %(advertiser_id)s AND source_type = 'ShopifyStore' AND source_id = %(store_id)s
      AND external_id > %(after)s AND observed_at <= %(requested_at)s
    ORDER BY external_id
    LIMIT %(limit)s
), anonymous AS (
    UPDATE records.orders SET
        contact_id = NULL, customer_external_id = NULL, email = NULL, phone = NULL,
        shipping_address = NULL, billing_address = NULL, note = NULL, metadata = '{"redacted": true}',
        content_hash = NULL, updated_at = clock_timestamp()
    FROM page
    WHERE orders.advertiser_id = page.advertiser_id AND orders.id = page.id
)
SELECT count(*), max(external_id) FROM page
