-- End a job badly, if it is still ours and still runs.
UPDATE sync.sync_jobs
SET status = 'failed',
    error_code = :error_code, error_message = :error_message, error_details = CAST(:error_details AS jsonb),
    completed_at = clock_timestamp(),
    actual_duration = ceil(extract(epoch FROM clock_timestamp() - started_at)),
    lease_owner = NULL, lease_expires_at = NULL, throttled_until = NULL, updated_at = clock_timestamp()
WHERE advertiser_id = :advertiser_id AND job_id = :job_id AND epoch = :epoch AND status = 'running'
RETURNING completed_at
