-- Full records that lost, but to a copy that claims the same updated_at with other content: nobody knows which is right.
SELECT staged.advertiser_id, staged.source_id, staged.external_id
FROM staged
JOIN records.{table} AS stored USING (advertiser_id, source_id, external_id)
WHERE staged.round = 0 AND stored.source_type = 'ShopifyStore'
  AND stored.updated_at_source = staged.updated_at_source
  AND stored.content_hash <> staged.content_hash
