-- Add a pending job for a connected store, unless its slot is taken or this scheduled run already has a job.
INSERT INTO sync.sync_jobs (
    advertiser_id, store_id, installation_id, shop_domain, job_type, triggered_by, triggered_by_user_id,
    schedule_slot, skips_products, is_first_sync, attempt, retry_of_job_id, records_per_minute, due_at
)
SELECT s.advertiser_id, s.store_id, s.installation_id, s.shop_domain, CAST(:job_type AS text), :triggered_by,
       CAST(:triggered_by_user_id AS bigint), CAST(:schedule_slot AS text), :skips_products,
       CAST(:job_type AS text) = 'full_sync' AND NOT s.initial_sync_completed,
       :attempt, CAST(:retry_of_job_id AS bigint),
       (
           SELECT sum(p.published) * 60 / nullif(max(j.actual_duration), 0)
           FROM (
               SELECT advertiser_id, job_id, actual_duration FROM sync.sync_jobs
               WHERE advertiser_id = s.advertiser_id AND store_id = s.store_id AND status = 'completed'
                   AND job_type = 'full_sync'
               ORDER BY job_id DESC LIMIT 1
           ) j
           JOIN sync.sync_job_parts p USING (advertiser_id, job_id)
           HAVING sum(p.published) > 0
       ),
       coalesce(CAST(:due_at AS timestamptz), clock_timestamp() + make_interval(secs => :delay_seconds))
FROM sync.store_state s
WHERE s.advertiser_id = :advertiser_id AND s.store_id = :store_id AND s.status <> 'disconnected'
ON CONFLICT DO NOTHING
RETURNING *
