-- Remember which records to read again; asking twice before the read is one read.
INSERT INTO sync.refetch_queue AS q (shop_domain, resource, record_id, reason, due_at)
SELECT :shop_domain, :resource, record_id, :reason, clock_timestamp() + make_interval(secs => :delay_seconds)
FROM unnest(CAST(:record_ids AS text[])) AS wanted (record_id)
ORDER BY record_id
ON CONFLICT (shop_domain, resource, record_id) DO UPDATE
SET revision = q.revision + 1, reason = excluded.reason, requested_at = excluded.requested_at, attempt = 0,
    due_at = least(q.due_at, excluded.due_at)
