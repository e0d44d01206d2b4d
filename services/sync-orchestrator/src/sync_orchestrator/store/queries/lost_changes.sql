-- How many records a full sync had to write although they had changed long before: what webhooks and syncs had missed.
SELECT count(*)
FROM (
    SELECT record_id
    FROM records.mirror_v1
    WHERE advertiser_id = :advertiser_id AND store_id = :store_id AND resource = :resource
      AND updated_at_source < :changed_before
    INTERSECT
    SELECT record_id
    FROM records.job_outcomes_v1
    WHERE advertiser_id = :advertiser_id AND job_id = :job_id AND resource = :resource
      AND outcome IN ('created', 'updated')
) AS lost
