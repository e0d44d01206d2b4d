-- What became of Shopify's privacy requests about the advertiser's shops, newest first, from below an id on.
SELECT receipt.receipt_id, store.shop_domain, receipt.topic, receipt.webhook_id, receipt.received_at, receipt.done_at,
       receipt.outcome, receipt.effects, receipt.keep_anonymous
FROM records.compliance_receipts_v1 AS receipt
JOIN gateway.shopify_stores AS store ON store.id = receipt.store_id
WHERE receipt.advertiser_id = :advertiser_id AND receipt.receipt_id < :before
ORDER BY receipt.receipt_id DESC
LIMIT :rows_max
