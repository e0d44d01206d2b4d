-- A sync failed: say why; when nothing more is tried, stop the schedule as well.
UPDATE sync.store_state
SET last_sync_status = 'failed', last_sync_error = :error,
    next_run_at = CASE WHEN :exhausted THEN NULL ELSE next_run_at END,
    next_products_run_at = CASE WHEN :exhausted THEN NULL ELSE next_products_run_at END,
    updated_at = clock_timestamp()
WHERE advertiser_id = :advertiser_id AND store_id = :store_id
