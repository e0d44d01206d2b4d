-- Remember deletions with their version, the newest of each, and mark the rows of those that count: not taken back, and
-- not older than the row. Without its hash a row that comes back to life is written in full.
WITH buried AS (
    INSERT INTO records.tombstones AS stored (advertiser_id, store_id, resource, external_id, deleted_at)
    SELECT advertiser_id, store_id, %(resource)s, external_id, observed_at
    FROM jsonb_to_recordset(%(listed)s)
        AS deletion (advertiser_id bigint, store_id bigint, external_id text, observed_at timestamptz)
    ORDER BY advertiser_id, store_id, external_id
    ON CONFLICT (advertiser_id, store_id, resource, external_id) DO UPDATE SET deleted_at = excluded.deleted_at
    WHERE excluded.deleted_at > greatest(stored.deleted_at, stored.restored_at)
    RETURNING advertiser_id, store_id, external_id, deleted_at
)
UPDATE records.{table} AS stored SET
    deleted_at = buried.deleted_at,
    content_hash = NULL,
    updated_at = clock_timestamp(){archived}
FROM buried
WHERE stored.advertiser_id = buried.advertiser_id
  AND stored.source_type = 'ShopifyStore'
  AND stored.source_id = buried.store_id
  AND stored.external_id = buried.external_id
  AND stored.deleted_at IS NULL
  AND (stored.updated_at_source, stored.observed_at) <= (buried.deleted_at, buried.deleted_at)
RETURNING stored.advertiser_id, stored.source_id, stored.external_id
