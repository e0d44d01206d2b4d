-- Every store of a shop, connected or not, with what erasure has to know of it. Both views are asked for the shop: a
-- join alone does not reach past their barriers, and would read every store.
SELECT store.advertiser_id, store.store_id, installation.generation, installation.status, store.redact_preference,
       installation.connected_at
FROM fetcher.installations_v1 AS installation
JOIN gateway.stores_v1 AS store USING (advertiser_id, store_id)
WHERE installation.shop_domain = %(shop)s AND store.shop_domain = %(shop)s
ORDER BY store.advertiser_id, store.store_id
