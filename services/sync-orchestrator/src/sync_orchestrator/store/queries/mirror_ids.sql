-- The ids of the live rows that we hold of what is compared, in the order of their numbers.
SELECT record_id
FROM records.mirror_v1
WHERE advertiser_id = :advertiser_id AND store_id = :store_id AND resource = :resource AND deleted_at IS NULL
  AND (created_at_source IS NULL OR created_at_source <= :created_until)
  AND (CAST(:created_since AS timestamptz) IS NULL OR created_at_source >= :created_since)
ORDER BY length(record_id), record_id COLLATE "C"
