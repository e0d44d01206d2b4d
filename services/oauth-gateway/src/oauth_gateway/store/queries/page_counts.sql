-- Live rows of each store.
SELECT counts.store_id, counts.customers, counts.orders, counts.products
FROM records.store_counts_v1 AS counts
WHERE counts.advertiser_id = :advertiser_id
