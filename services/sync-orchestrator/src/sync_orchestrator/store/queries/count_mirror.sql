-- How many live rows we hold of what is compared; a row without a time of creation is old.
SELECT count(*)
FROM records.mirror_v1
WHERE advertiser_id = :advertiser_id AND store_id = :store_id AND resource = :resource AND deleted_at IS NULL
  AND (created_at_source IS NULL OR created_at_source <= :created_until)
  AND (CAST(:created_since AS timestamptz) IS NULL OR created_at_source >= :created_since)
