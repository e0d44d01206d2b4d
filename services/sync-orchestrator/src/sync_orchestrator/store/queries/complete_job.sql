-- End a job well, if it is still ours, still runs and every part is closed.
UPDATE sync.sync_jobs j
SET status = 'completed',
    completed_at = clock_timestamp(),
    actual_duration = ceil(extract(epoch FROM clock_timestamp() - j.started_at)),
    lease_owner = NULL, lease_expires_at = NULL, throttled_until = NULL, updated_at = clock_timestamp()
WHERE j.advertiser_id = :advertiser_id AND j.job_id = :job_id AND j.epoch = :epoch AND j.status = 'running'
  AND NOT EXISTS (
      SELECT FROM sync.sync_job_parts p
      WHERE p.advertiser_id = j.advertiser_id AND p.job_id = j.job_id AND p.state NOT IN ('done', 'skipped')
  )
RETURNING j.completed_at, j.actual_duration, j.follow_up
