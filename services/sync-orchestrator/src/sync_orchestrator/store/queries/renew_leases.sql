-- Extend the leases that are still ours; a job missing from the answer is lost or ended.
UPDATE sync.sync_jobs j
SET lease_expires_at = clock_timestamp() + make_interval(secs => :lease_seconds)
FROM unnest(CAST(:job_ids AS bigint[]), CAST(:epochs AS integer[])) AS mine (job_id, epoch)
WHERE j.job_id = mine.job_id AND j.epoch = mine.epoch AND j.status = 'running'
RETURNING j.job_id
