-- The newest job of a store that has ended.
SELECT max(job.job_id)
FROM sync.jobs_v1 AS job
WHERE job.advertiser_id = :advertiser_id AND job.store_id = :store_id
    AND job.status IN ('completed', 'failed', 'cancelled')
