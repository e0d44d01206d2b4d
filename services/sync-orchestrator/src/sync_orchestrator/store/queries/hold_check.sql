-- Keep a check ours for another while.
UPDATE sync.checks
SET lease_expires_at = clock_timestamp() + make_interval(secs => :lease_seconds)
WHERE advertiser_id = :advertiser_id AND check_id = :check_id AND epoch = :epoch AND state = 'running'
RETURNING check_id
