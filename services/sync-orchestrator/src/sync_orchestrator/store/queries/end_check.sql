-- End a check, if it is still ours; one that was wanted again meanwhile waits anew, for what it could not yet see.
UPDATE sync.checks
SET state = CASE WHEN again AND :state <> 'cancelled' THEN 'waiting' ELSE CAST(:state AS text) END,
    ended_at = CASE WHEN again AND :state <> 'cancelled' THEN NULL ELSE clock_timestamp() END,
    again = false, attempt = 0, due_at = clock_timestamp(), error_message = :error_message,
    lease_owner = NULL, lease_expires_at = NULL
WHERE advertiser_id = :advertiser_id AND check_id = :check_id AND epoch = :epoch AND state = 'running'
RETURNING check_id
