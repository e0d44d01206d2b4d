-- Claim up to one request's worth of one shop's waiting records, when the oldest has waited long enough. New wishes
-- come along before their time; records that wait after a failed read do not, or each new wish would cost them a try.
WITH due AS (
    SELECT shop_domain, resource
    FROM sync.refetch_queue
    WHERE due_at <= clock_timestamp() AND (lease_expires_at IS NULL OR lease_expires_at <= clock_timestamp())
    ORDER BY due_at
    LIMIT 1
),
wanted AS (
    SELECT q.shop_domain, q.resource, q.record_id
    FROM sync.refetch_queue q
    JOIN due USING (shop_domain, resource)
    WHERE (q.lease_expires_at IS NULL OR q.lease_expires_at <= clock_timestamp())
      AND (q.due_at <= clock_timestamp() OR q.attempt = 0)
    ORDER BY q.due_at, q.record_id
    LIMIT :records_max
    FOR UPDATE OF q SKIP LOCKED
)
UPDATE sync.refetch_queue q
SET lease_owner = :owner, lease_expires_at = clock_timestamp() + make_interval(secs => :lease_seconds)
FROM wanted
WHERE (q.shop_domain, q.resource, q.record_id) = (wanted.shop_domain, wanted.resource, wanted.record_id)
RETURNING q.shop_domain, q.resource, q.record_id, q.revision, q.attempt
