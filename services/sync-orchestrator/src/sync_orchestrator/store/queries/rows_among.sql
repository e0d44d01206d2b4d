-- What we hold of some records: when they were created, and whether they are deleted here. A look-up of each.
SELECT found.record_id, found.created_at_source, found.deleted_at IS NOT NULL AS is_deleted
FROM unnest(CAST(:record_ids AS text[])) AS wanted (record_id)
CROSS JOIN LATERAL (
    SELECT record_id, created_at_source, deleted_at
    FROM records.mirror_v1
    WHERE advertiser_id = :advertiser_id AND store_id = :store_id AND resource = :resource
      AND record_id = wanted.record_id
    OFFSET 0
) AS found
