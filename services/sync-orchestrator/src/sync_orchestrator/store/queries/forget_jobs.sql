-- Forget jobs of long ago. The last twenty of each store stay, as its page shows them, and so does its last full sync,
-- whose speed estimates the next.
DELETE FROM sync.sync_jobs
WHERE ctid = ANY (ARRAY(
    SELECT j.ctid
    FROM sync.sync_jobs j
    WHERE j.completed_at < :before
      AND (SELECT count(*) FROM (
              SELECT FROM sync.sync_jobs later
              WHERE later.advertiser_id = j.advertiser_id AND later.store_id = j.store_id AND later.job_id > j.job_id
              LIMIT 20
          ) AS following) = 20
      AND (j.job_type <> 'full_sync' OR EXISTS (
              SELECT FROM sync.sync_jobs later
              WHERE later.advertiser_id = j.advertiser_id AND later.store_id = j.store_id
                AND later.job_type = 'full_sync' AND later.status = 'completed' AND later.job_id > j.job_id))
    LIMIT :jobs_max
))
