-- The stores of these shops, with since when they are no longer connected.
SELECT shop_domain, advertiser_id, store_id, status, disconnected_at
FROM fetcher.installations_v1
WHERE shop_domain = ANY (%(shops)s)
ORDER BY advertiser_id, store_id
