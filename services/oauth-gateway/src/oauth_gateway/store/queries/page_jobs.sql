-- The newest jobs of the advertiser, every active one, and each store's last 24 finished ones.
WITH wanted AS (
    (SELECT job.job_id, true AS is_recent FROM sync.jobs_v1 AS job
     WHERE job.advertiser_id = :advertiser_id ORDER BY job.job_id DESC LIMIT :recent_max)
    UNION ALL
    SELECT job.job_id, false FROM sync.jobs_v1 AS job
    WHERE job.advertiser_id = :advertiser_id AND job.status IN ('pending', 'running')
    UNION ALL
    SELECT finished.job_id, false
    FROM gateway.shopify_stores AS store
    CROSS JOIN LATERAL (
        SELECT job.job_id FROM sync.jobs_v1 AS job
        WHERE job.advertiser_id = :advertiser_id AND job.store_id = store.id
          AND job.status IN ('completed', 'failed')
        ORDER BY job.created_at DESC LIMIT :ticks_max
    ) AS finished
)
SELECT job.*, distinct_ids.is_recent, store.shop_domain, member.name AS triggered_by_name
FROM (SELECT wanted.job_id, bool_or(wanted.is_recent) AS is_recent FROM wanted GROUP BY wanted.job_id) AS distinct_ids
JOIN sync.jobs_v1 AS job ON job.job_id = distinct_ids.job_id AND job.advertiser_id = :advertiser_id
JOIN gateway.shopify_stores AS store ON store.id = job.store_id
LEFT JOIN gateway.users AS member ON member.id = job.triggered_by_user_id
ORDER BY job.job_id DESC
