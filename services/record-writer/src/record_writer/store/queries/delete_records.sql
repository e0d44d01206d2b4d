-- Mark the rows of deleted records, unless they are newer than their deletion. Without its hash a row that comes back
-- to life is written in full.
UPDATE records.{table} AS stored SET
    deleted_at = deletion.deleted_at,
    content_hash = NULL,
    updated_at = clock_timestamp(){also}
FROM jsonb_to_recordset(%(deletions)s)
    AS deletion (advertiser_id bigint, store_id bigint, external_id text, deleted_at timestamptz)
WHERE stored.advertiser_id = deletion.advertiser_id
  AND stored.source_type = 'ShopifyStore'
  AND stored.source_id = deletion.store_id
  AND stored.external_id = deletion.external_id
  AND stored.deleted_at IS NULL
  AND (stored.updated_at_source, stored.observed_at) <= (deletion.deleted_at, deletion.deleted_at)
RETURNING stored.advertiser_id, stored.source_id, stored.external_id
