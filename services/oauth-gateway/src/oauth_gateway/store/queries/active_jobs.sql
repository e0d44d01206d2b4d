-- The pending and running jobs of the advertiser: few, and found by a partial index.
SELECT job.*, store.shop_domain, member.name AS triggered_by_name
FROM sync.jobs_v1 AS job
JOIN gateway.shopify_stores AS store ON store.id = job.store_id
LEFT JOIN gateway.users AS member ON member.id = job.triggered_by_user_id
WHERE job.advertiser_id = :advertiser_id AND job.status IN ('pending', 'running')
ORDER BY job.job_id DESC
