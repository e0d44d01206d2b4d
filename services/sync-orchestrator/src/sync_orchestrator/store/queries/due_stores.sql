-- Stores whose scheduled run has come, each to one replica only.
SELECT s.advertiser_id, s.store_id, s.scheduled_frequency, s.scheduled_products_frequency, s.timezone,
       s.last_full_sync_at, s.next_run_at, s.next_run_slot, s.next_products_run_at, s.next_products_run_slot,
       clock_timestamp() AS now
FROM sync.store_state s
WHERE s.status IN ('connected', 'syncing')
  AND (s.next_run_at <= clock_timestamp() OR s.next_products_run_at <= clock_timestamp())
ORDER BY least(s.next_run_at, s.next_products_run_at)
LIMIT :stores_max
FOR UPDATE SKIP LOCKED
