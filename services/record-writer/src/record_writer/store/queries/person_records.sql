-- Everything a store holds of a person: the contact, and the orders by number, customer or e-mail.
SELECT 'contact' AS kind, external_id, to_jsonb(contact) - '{content_hash,body_hash,email_key}'::text[] AS content
FROM records.contacts AS contact
WHERE advertiser_id = %(advertiser_id)s AND source_type = 'ShopifyStore' AND source_id = %(store_id)s
  AND (external_id = %(customer_id)s OR email_key = lower(%(email)s))
UNION ALL
SELECT 'order', external_id, to_jsonb(orders) - '{content_hash,body_hash}'::text[]
FROM records.orders
WHERE advertiser_id = %(advertiser_id)s AND source_type = 'ShopifyStore' AND source_id = %(store_id)s
  AND (external_id = ANY (%(order_ids)s) OR customer_external_id = %(customer_id)s OR lower(email) = lower(%(email)s))
ORDER BY kind, external_id
