-- Cancel a store's active jobs, or the one named; whoever ends a job first wins.
UPDATE sync.sync_jobs
SET status = 'cancelled',
    error_code = 'cancelled', error_message = :message,
    completed_at = clock_timestamp(),
    actual_duration = ceil(extract(epoch FROM clock_timestamp() - started_at)),
    lease_owner = NULL, lease_expires_at = NULL, throttled_until = NULL, updated_at = clock_timestamp()
WHERE advertiser_id = :advertiser_id AND store_id = :store_id AND status IN ('pending', 'running')
  AND (CAST(:job_id AS bigint) IS NULL OR job_id = :job_id)
RETURNING *
