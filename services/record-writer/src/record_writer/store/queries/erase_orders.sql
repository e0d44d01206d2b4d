-- Delete some of a store's orders that were observed before its erasure was asked for.
DELETE FROM records.orders WHERE (advertiser_id, id) IN (
    SELECT advertiser_id, id FROM records.orders
    WHERE advertiser_id = %(advertiser_id)s AND source_type = 'ShopifyStore' AND source_id = %(store_id)s
      AND observed_at <= %(requested_at)s
    LIMIT %(limit)s
)
