-- Lease the mail that is due longest, and note when Loops may first have seen its idempotency key. An expired lease
-- is a crash between the call and its record: the next holder calls again under the same key.
UPDATE notify.emails AS claimed
SET lease_owner = :owner,
    lease_expires_at = clock_timestamp() + make_interval(secs => :lease_seconds),
    first_attempted_at = coalesce(claimed.first_attempted_at, clock_timestamp()),
    updated_at = clock_timestamp()
FROM (
    SELECT advertiser_id, email_id
    FROM notify.emails
    WHERE state = 'pending'
      AND due_at <= clock_timestamp()
      AND (lease_expires_at IS NULL OR lease_expires_at <= clock_timestamp())
    ORDER BY due_at
    LIMIT 1
    FOR UPDATE SKIP LOCKED
) AS due
WHERE claimed.advertiser_id = due.advertiser_id AND claimed.email_id = due.email_id
RETURNING claimed.advertiser_id, claimed.email_id, claimed.store_id, claimed.event_id, claimed.template,
          claimed.recipient_user_id, claimed.variables, claimed.sealed_token, claimed.token_expires_at,
          claimed.idempotency_key, claimed.attempts, claimed.first_attempted_at, clock_timestamp() AS now
