-- Say what a store does now that a job began or ended; a disconnected store stays so.
UPDATE sync.store_state s
SET status = CASE
        WHEN s.status = 'disconnected' THEN 'disconnected'
        WHEN EXISTS (
            SELECT FROM sync.sync_jobs j
            WHERE j.advertiser_id = s.advertiser_id AND j.store_id = s.store_id AND j.status = 'running'
        ) THEN 'syncing'
        ELSE :otherwise
    END,
    updated_at = clock_timestamp()
WHERE s.advertiser_id = :advertiser_id AND s.store_id = :store_id
