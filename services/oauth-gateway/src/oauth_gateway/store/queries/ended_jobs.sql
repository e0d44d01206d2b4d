-- The newest jobs of the advertiser that have ended, and each store's last finished syncs of the past weeks.
-- A security barrier keeps LIMIT out of the view, so this reads every job: see Hub for how often it is asked.
WITH wanted AS (
    (SELECT job.job_id FROM sync.jobs_v1 AS job
     WHERE job.advertiser_id = :advertiser_id AND job.status IN ('completed', 'failed', 'cancelled')
     ORDER BY job.job_id DESC LIMIT :recent_max)
    UNION
    SELECT finished.job_id
    FROM gateway.shopify_stores AS store
    CROSS JOIN LATERAL (
        SELECT job.job_id FROM sync.jobs_v1 AS job
        WHERE job.advertiser_id = :advertiser_id AND job.store_id = store.id AND job.created_at > :history_since
          AND job.job_type <> 'backfill' AND job.status IN ('completed', 'failed')
        ORDER BY job.created_at DESC LIMIT :ticks_max
    ) AS finished
)
SELECT job.*, store.shop_domain, member.name AS triggered_by_name
FROM wanted
JOIN sync.jobs_v1 AS job ON job.job_id = wanted.job_id AND job.advertiser_id = :advertiser_id
JOIN gateway.shopify_stores AS store ON store.id = job.store_id
LEFT JOIN gateway.users AS member ON member.id = job.triggered_by_user_id
ORDER BY job.job_id DESC
