-- The staged orders, each beside the contact it belongs to: it is written with it, once. The part after FROM.
staged
LEFT JOIN LATERAL (
    SELECT contact.id
    FROM records.contacts AS contact
    WHERE contact.advertiser_id = staged.advertiser_id
      AND contact.source_type = 'ShopifyStore'
      AND contact.source_id = staged.source_id
      AND contact.external_id = staged.customer_external_id
    OFFSET 0
) AS customer ON true
LEFT JOIN LATERAL (
    SELECT contact.id, CASE WHEN contact.source_id = staged.source_id THEN 2 ELSE 1 END AS rank
    FROM records.contacts AS contact
    WHERE customer.id IS NULL
      AND contact.advertiser_id = staged.advertiser_id
      AND contact.email_key = lower(staged.email)
      AND contact.deleted_at IS NULL
    ORDER BY rank DESC, id
    LIMIT 1
) AS namesake ON true
