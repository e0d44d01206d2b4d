-- The newest jobs of the advertiser, every active one, and each store's last 24 finished ones.
WITH ranked AS (
    SELECT job.*,
           row_number() OVER (ORDER BY job.created_at DESC, job.job_id DESC) AS newest,
           row_number() OVER (
               PARTITION BY job.store_id, job.status IN ('completed', 'failed')
               ORDER BY job.created_at DESC, job.job_id DESC
           ) AS newest_of_store,
           count(*) OVER () AS job_count
    FROM sync.jobs_v1 AS job
)
SELECT ranked.*, store.shop_domain, member.name AS triggered_by_name
FROM ranked
JOIN gateway.shopify_stores AS store ON store.id = ranked.store_id
LEFT JOIN gateway.users AS member ON member.id = ranked.triggered_by_user_id
WHERE ranked.newest <= :recent_max
   OR ranked.status IN ('pending', 'running')
   OR (ranked.status IN ('completed', 'failed') AND ranked.newest_of_store <= 24)
ORDER BY ranked.newest
