-- Live rows that a full read would have seen, had they been there still: known before it began, created within its
-- window, and in its ledger under no outcome. Not a join: see the views.
SELECT record_id
FROM records.mirror_v1
WHERE advertiser_id = :advertiser_id AND store_id = :store_id AND resource = :resource AND deleted_at IS NULL
  AND observed_at < :known_before
  AND (created_at_source IS NULL OR created_at_source <= :created_until)
  AND (CAST(:created_since AS timestamptz) IS NULL OR created_at_source >= :created_since)
EXCEPT
SELECT record_id
FROM records.job_outcomes_v1
WHERE advertiser_id = :advertiser_id AND job_id = :job_id AND resource = :resource
