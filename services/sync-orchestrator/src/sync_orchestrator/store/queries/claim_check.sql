-- Claim a check that is due or whose holder is gone. The epoch rises, so that an earlier holder can write no more.
WITH due AS (
    SELECT c.advertiser_id, c.check_id
    FROM sync.checks c
    WHERE (c.state = 'waiting' AND c.due_at <= clock_timestamp())
       OR (c.state = 'running' AND c.lease_expires_at <= clock_timestamp())
    ORDER BY (c.reason = 'user') DESC, c.due_at
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
UPDATE sync.checks c
SET state = 'running', lease_owner = :owner,
    lease_expires_at = clock_timestamp() + make_interval(secs => :lease_seconds),
    epoch = c.epoch + 1, again = false, started_at = clock_timestamp()
FROM due, sync.store_state s
WHERE c.advertiser_id = due.advertiser_id AND c.check_id = due.check_id
  AND s.advertiser_id = c.advertiser_id AND s.store_id = c.store_id
RETURNING c.check_id, c.advertiser_id, c.store_id, c.job_id, c.attempt, c.epoch, s.installation_id, s.shop_domain,
          s.orders_complete
