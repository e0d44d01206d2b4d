-- Claim jobs that are due or whose holder is gone. The epoch rises, so that an earlier holder can write no more.
WITH due AS (
    SELECT advertiser_id, job_id
    FROM sync.sync_jobs
    WHERE (status = 'pending' AND due_at <= clock_timestamp())
       OR (status = 'running' AND lease_expires_at <= clock_timestamp())
    ORDER BY (triggered_by = 'user') DESC, due_at
    LIMIT :jobs_max
    FOR UPDATE SKIP LOCKED
)
UPDATE sync.sync_jobs j
SET status = 'running',
    lease_owner = :owner,
    lease_expires_at = clock_timestamp() + make_interval(secs => :lease_seconds),
    epoch = j.epoch + 1,
    started_at = coalesce(j.started_at, clock_timestamp()),
    updated_at = clock_timestamp()
FROM due
WHERE j.advertiser_id = due.advertiser_id AND j.job_id = due.job_id
RETURNING j.*
