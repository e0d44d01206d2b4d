-- How many scheduled jobs are under way, waiting retries aside; NULL while another replica is scheduling.
SELECT CASE WHEN pg_try_advisory_xact_lock(hashtext('sync.schedule')) THEN (
    SELECT count(*) FROM sync.sync_jobs WHERE status IN ('pending', 'running') AND triggered_by = 'schedule'
        AND attempt = 0
) END
