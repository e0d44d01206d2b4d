-- Delete a customer's contact, and any older one with the same e-mail; their orders are left to the sweep. What is
-- redacted needs no tombstone, which would keep the customer's number.
WITH gone AS (
    DELETE FROM records.contacts
    WHERE advertiser_id = %(advertiser_id)s AND source_type = 'ShopifyStore' AND source_id = %(store_id)s
      AND (external_id = %(customer_id)s
           OR email_key = lower(%(email)s) AND updated_at_source <= %(redacted_at)s)
    RETURNING advertiser_id, id
), unlinked AS (
    UPDATE records.orders SET contact_id = NULL, updated_at = clock_timestamp()
    FROM gone
    WHERE orders.advertiser_id = gone.advertiser_id AND orders.contact_id = gone.id
), unburied AS (
    DELETE FROM records.tombstones
    WHERE advertiser_id = %(advertiser_id)s AND store_id = %(store_id)s
      AND resource = 'customers' AND external_id = %(customer_id)s
)
SELECT FROM gone
