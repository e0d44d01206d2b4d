-- The records a job could not write, by kind and id.
SELECT failure.resource, failure.record_id, failure.field, failure.reason
FROM records.failures_v1 AS failure
WHERE failure.advertiser_id = :advertiser_id AND failure.job_id = :job_id
ORDER BY failure.resource, failure.record_id
LIMIT :rows_max
