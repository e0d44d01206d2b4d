-- Want a store's mirror compared with Shopify. One that waits is the answer already. One that runs is so for a person; but
-- it may have looked before a sync ended, which therefore has another one follow.
INSERT INTO sync.checks AS c (advertiser_id, store_id, reason, requested_by_user_id, job_id)
SELECT s.advertiser_id, s.store_id, :reason, CAST(:user_id AS bigint), CAST(:job_id AS bigint)
FROM sync.store_state s
WHERE s.advertiser_id = :advertiser_id AND s.store_id = :store_id
  AND s.status <> 'disconnected' AND s.initial_sync_completed
ON CONFLICT (advertiser_id, store_id) WHERE state IN ('waiting', 'running') DO UPDATE
SET job_id = coalesce(excluded.job_id, c.job_id),
    again = c.again OR (c.state = 'running' AND excluded.reason <> 'user'),
    due_at = least(c.due_at, excluded.due_at)
RETURNING c.check_id
