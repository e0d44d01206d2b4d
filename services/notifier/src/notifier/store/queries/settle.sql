-- Record what came of a call, unless the lease was lost meanwhile; a mail in its end state forgets its secret.
UPDATE notify.emails
SET state = CAST(:state AS text),
    failure = :failure,
    attempts = attempts + CAST(:attempts_added AS integer),
    due_at = clock_timestamp() + make_interval(secs => :delay_seconds),
    sent_at = CASE WHEN CAST(:state AS text) = 'sent' THEN clock_timestamp() END,
    sealed_token = CASE WHEN CAST(:state AS text) = 'pending' THEN sealed_token END,
    lease_owner = NULL,
    lease_expires_at = NULL,
    updated_at = clock_timestamp()
WHERE advertiser_id = :advertiser_id AND email_id = :email_id AND lease_owner = :owner AND state = 'pending'
