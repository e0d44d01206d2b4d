-- Lock the rows of a round in key order before they are updated: an UPDATE of a join locks them in any order.
SELECT FROM records.{table} AS stored
JOIN staged USING (advertiser_id, source_id, external_id)
WHERE staged.round = %(round)s AND stored.source_type = 'ShopifyStore'
ORDER BY stored.advertiser_id, stored.source_id, stored.external_id
FOR NO KEY UPDATE OF stored
