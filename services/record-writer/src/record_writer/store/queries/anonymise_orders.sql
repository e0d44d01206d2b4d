-- Take everything that names a person out of some of a store's orders; they stay for the merchant's books.
UPDATE records.orders SET
    contact_id = NULL, customer_external_id = NULL, email = NULL, phone = NULL,
    shipping_address = NULL, billing_address = NULL, note = NULL, metadata = '{"redacted": true}',
    content_hash = NULL, updated_at = clock_timestamp()
WHERE (advertiser_id, id) IN (
    SELECT advertiser_id, id FROM records.orders
    WHERE advertiser_id = %(advertiser_id)s AND source_type = 'ShopifyStore' AND source_id = %(store_id)s
      AND observed_at <= %(requested_at)s AND metadata <> '{"redacted": true}'
    LIMIT %(limit)s
)
