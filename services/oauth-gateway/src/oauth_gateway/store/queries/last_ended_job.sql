-- The newest sync of a store that has ended; the order history is read beside them.
SELECT max(job.job_id)
FROM sync.jobs_v1 AS job
WHERE job.advertiser_id = :advertiser_id AND job.store_id = :store_id
    AND job.job_type <> 'backfill' AND job.status IN ('completed', 'failed', 'cancelled')
