-- Partial records to read again: all but those of which a full record was observed since.
SELECT DISTINCT staged.advertiser_id, staged.source_id, staged.external_id
FROM staged
LEFT JOIN records.{table} AS stored
       ON stored.advertiser_id = staged.advertiser_id
      AND stored.source_type = 'ShopifyStore'
      AND stored.source_id = staged.source_id
      AND stored.external_id = staged.external_id
WHERE staged.round > 0
  AND (stored.content_hash IS NOT NULL
       AND stored.observed_at > staged.observed_at
       AND stored.updated_at_source >= coalesce(staged.updated_at_source, '-infinity')) IS NOT TRUE
