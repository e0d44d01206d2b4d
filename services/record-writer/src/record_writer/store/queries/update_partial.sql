-- Change the columns that a newer partial record carries where they differ, and forget the hash: the row is no longer
-- the full record that it was taken of.
UPDATE records.{table} AS stored SET
    updated_at_source = coalesce(staged.updated_at_source, stored.updated_at_source),
    observed_at = staged.observed_at,
    content_hash = NULL,
    updated_at = clock_timestamp(),
    {assignments}
FROM staged
WHERE staged.round = %(round)s
  AND stored.advertiser_id = staged.advertiser_id
  AND stored.source_type = 'ShopifyStore'
  AND stored.source_id = staged.source_id
  AND stored.external_id = staged.external_id
  AND stored.deleted_at IS NULL
  AND (coalesce(staged.updated_at_source, stored.updated_at_source), staged.observed_at)
      > (stored.updated_at_source, stored.observed_at)
  AND (stored.content_hash IS NOT NULL OR {differs})
RETURNING stored.advertiser_id, stored.source_id, stored.external_id
