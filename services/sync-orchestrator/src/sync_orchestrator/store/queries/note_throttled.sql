-- Show until when Shopify holds a job back. What this adds to the wait that was known already makes the job longer.
UPDATE sync.sync_jobs
SET throttled_until = clock_timestamp() + make_interval(secs => :resume_in_seconds),
    estimated_duration = estimated_duration + ceil(greatest(0, :resume_in_seconds - extract(
        epoch FROM greatest(throttled_until, clock_timestamp()) - clock_timestamp())))::integer,
    updated_at = clock_timestamp()
WHERE advertiser_id = :advertiser_id AND job_id = :job_id AND epoch = :epoch AND status = 'running'
