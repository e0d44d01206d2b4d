-- These stores, as the gateway knows them.
SELECT store_id, advertiser_id, shop_domain FROM gateway.stores_v1 WHERE store_id = ANY (%(store_ids)s)
