-- Which of some records we hold alive, and when they were created: a look-up of each.
SELECT found.record_id, found.created_at_source
FROM unnest(CAST(:record_ids AS text[])) AS wanted (record_id)
CROSS JOIN LATERAL (
    SELECT record_id, created_at_source
    FROM records.mirror_v1
    WHERE advertiser_id = :advertiser_id AND store_id = :store_id AND resource = :resource
      AND record_id = wanted.record_id AND deleted_at IS NULL
    OFFSET 0
) AS found
