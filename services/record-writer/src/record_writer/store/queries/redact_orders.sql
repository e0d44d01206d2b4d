-- Take everything that names the person out of these orders, also of those that only their link tells to be the
-- person's. Sums, lines and times stay, for the merchant's books.
-- This reads all orders of the store, about a second for a million: whole indexes by customer and by e-mail would cost
-- every order a tenth more of write-ahead log for what is seldom asked.
UPDATE records.orders SET
    contact_id = NULL, customer_external_id = NULL, email = NULL, phone = NULL,
    shipping_address = NULL, billing_address = NULL, note = NULL, metadata = '{"redacted": true}',
    content_hash = NULL, updated_at = clock_timestamp()
WHERE advertiser_id = %(advertiser_id)s AND source_type = 'ShopifyStore' AND source_id = %(store_id)s
  AND (external_id = ANY (%(order_ids)s)
       OR customer_external_id = %(customer_id)s
       OR lower(email) = lower(%(email)s) AND updated_at_source <= %(redacted_at)s
       OR contact_id IN (
           SELECT id FROM records.contacts
           WHERE advertiser_id = %(advertiser_id)s AND source_type = 'ShopifyStore' AND source_id = %(store_id)s
             AND (external_id = %(customer_id)s
                  OR email_key = lower(%(email)s) AND updated_at_source <= %(redacted_at)s)))
RETURNING external_id
