-- Take back deletions up to these moments, and bring back the rows that no later one holds. The moment stays, so that an
-- older deletion that comes late does not count. A row keeps its version and has no hash, so that the next full record is
-- written.
WITH lifted AS (
    INSERT INTO records.tombstones AS stored (advertiser_id, store_id, resource, external_id, restored_at)
    SELECT advertiser_id, store_id, %(resource)s, external_id, observed_at
    FROM jsonb_to_recordset(%(listed)s)
        AS restoration (advertiser_id bigint, store_id bigint, external_id text, observed_at timestamptz)
    ORDER BY advertiser_id, store_id, external_id
    ON CONFLICT (advertiser_id, store_id, resource, external_id) DO UPDATE SET
        deleted_at = CASE WHEN stored.deleted_at > excluded.restored_at THEN stored.deleted_at ELSE '-infinity' END,
        restored_at = greatest(stored.restored_at, excluded.restored_at)
    RETURNING advertiser_id, store_id, external_id, deleted_at
)
UPDATE records.{table} AS stored SET
    deleted_at = NULL,
    updated_at = clock_timestamp(){unarchived}
FROM lifted
WHERE lifted.deleted_at = '-infinity'
  AND stored.advertiser_id = lifted.advertiser_id
  AND stored.source_type = 'ShopifyStore'
  AND stored.source_id = lifted.store_id
  AND stored.external_id = lifted.external_id
  AND stored.deleted_at IS NOT NULL
RETURNING stored.advertiser_id, stored.source_id, stored.external_id
