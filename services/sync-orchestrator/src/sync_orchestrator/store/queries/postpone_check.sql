-- Put a check back, to be begun anew after a while; nothing happens if it is no longer ours.
UPDATE sync.checks
SET state = 'waiting', attempt = attempt + :failures,
    due_at = clock_timestamp() + make_interval(secs => :delay_seconds), lease_owner = NULL, lease_expires_at = NULL
WHERE advertiser_id = :advertiser_id AND check_id = :check_id AND epoch = :epoch AND state = 'running'
