-- Remember deletions with their version, the newest of each.
INSERT INTO records.tombstones AS stored (advertiser_id, store_id, resource, external_id, deleted_at)
SELECT advertiser_id, store_id, %(resource)s, external_id, deleted_at
FROM jsonb_to_recordset(%(deletions)s)
    AS deletion (advertiser_id bigint, store_id bigint, external_id text, deleted_at timestamptz)
ORDER BY advertiser_id, store_id, external_id
ON CONFLICT (advertiser_id, store_id, resource, external_id) DO UPDATE SET deleted_at = excluded.deleted_at
WHERE excluded.deleted_at > stored.deleted_at
