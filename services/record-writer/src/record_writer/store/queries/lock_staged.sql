-- Lock the stored rows of a batch in key order before any of them is written: its rounds each go through their own
-- keys, and an UPDATE of a join locks in any order.
SELECT FROM records.{table} AS stored
JOIN (SELECT DISTINCT advertiser_id, source_id, external_id FROM staged) AS listed
    USING (advertiser_id, source_id, external_id)
WHERE stored.source_type = 'ShopifyStore'
ORDER BY stored.advertiser_id, stored.source_id, stored.external_id
FOR NO KEY UPDATE OF stored
