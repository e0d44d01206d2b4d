-- Delete a customer's contact, and any older one with the same e-mail.
DELETE FROM records.contacts
WHERE advertiser_id = %(advertiser_id)s AND source_type = 'ShopifyStore' AND source_id = %(store_id)s
  AND (external_id = %(customer_id)s
       OR lower(email) = %(email)s AND updated_at_source <= %(redacted_at)s)
