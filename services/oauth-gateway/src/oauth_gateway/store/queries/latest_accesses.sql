-- Who took the advertiser's customer data out last.
SELECT member.name AS user_name, access.export_id, store.shop_domain, access.accessed_at
FROM gateway.data_access AS access
JOIN gateway.users AS member ON member.id = access.user_id
JOIN gateway.shopify_stores AS store ON store.id = access.store_id
WHERE access.advertiser_id = :advertiser_id
ORDER BY access.id DESC
LIMIT :rows_max
