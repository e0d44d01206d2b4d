-- The advertiser's answers to data requests, newest first, from below an id on.
SELECT export.export_id, export.store_id, store.shop_domain, export.created_at, export.request_id, export.records,
       export.expires_at
FROM records.exports_v1 AS export
JOIN gateway.shopify_stores AS store ON store.id = export.store_id
WHERE export.advertiser_id = :advertiser_id AND export.export_id < :before
ORDER BY export.export_id DESC
LIMIT :rows_max
