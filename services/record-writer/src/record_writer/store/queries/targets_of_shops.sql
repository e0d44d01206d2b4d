-- The stores of these shops, with since when they are no longer connected.
SELECT installation.shop_domain, store.advertiser_id, store.store_id, installation.status,
       installation.disconnected_at
FROM fetcher.installations_v1 AS installation
JOIN gateway.stores_v1 AS store USING (advertiser_id, store_id)
WHERE installation.shop_domain = ANY (%(shops)s)
ORDER BY store.advertiser_id, store.store_id
