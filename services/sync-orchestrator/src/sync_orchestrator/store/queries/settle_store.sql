-- Say what a store does now that a job began or ended; a disconnected store stays so, and its order history is read
-- beside. A store whose schedule had ended, and that is well again, is planned anew.
WITH now_does AS (
    SELECT s.advertiser_id, s.store_id,
           CASE
               WHEN s.status = 'disconnected' THEN 'disconnected'
               WHEN EXISTS (
                   SELECT FROM sync.sync_jobs j
                   WHERE j.advertiser_id = s.advertiser_id AND j.store_id = s.store_id
                     AND j.status = 'running' AND j.slot = 'sync'
               ) THEN 'syncing'
               ELSE CAST(:otherwise AS text)
           END AS status
    FROM sync.store_state s
    WHERE s.advertiser_id = :advertiser_id AND s.store_id = :store_id
)
UPDATE sync.store_state s
SET status = now_does.status,
    scheduled_frequency = CASE WHEN now_does.status = 'connected' AND s.next_run_at IS NULL THEN NULL
                               ELSE s.scheduled_frequency END,
    updated_at = clock_timestamp()
FROM now_does
WHERE s.advertiser_id = now_does.advertiser_id AND s.store_id = now_does.store_id
