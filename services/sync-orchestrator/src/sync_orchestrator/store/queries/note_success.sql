-- A sync ended well: tell when, and whether every record could be stored.
WITH before AS (
    SELECT advertiser_id, store_id, initial_sync_completed
    FROM sync.store_state WHERE advertiser_id = :advertiser_id AND store_id = :store_id FOR UPDATE
)
UPDATE sync.store_state s
SET last_sync_at = :completed_at,
    last_sync_status = CASE WHEN :failed_records > 0 THEN 'partial' ELSE 'success' END,
    last_sync_error = NULL,
    initial_sync_completed = s.initial_sync_completed OR :is_full,
    last_full_sync_at = CASE WHEN :is_full THEN CAST(:completed_at AS timestamptz) ELSE s.last_full_sync_at END,
    updated_at = clock_timestamp()
FROM before
WHERE s.advertiser_id = before.advertiser_id AND s.store_id = before.store_id
RETURNING :is_full AND NOT before.initial_sync_completed AS is_first_sync
