-- Syncs that ended in the past 24 hours, by slices of three hours.
SELECT floor(extract(epoch FROM job.completed_at - :since) / 10800)::int AS slice,
       count(*) FILTER (WHERE job.status = 'completed') AS completed,
       count(*) FILTER (WHERE job.status = 'failed') AS failed,
       coalesce(sum((job.records_created ->> 'customers')::bigint), 0)::bigint AS customers,
       coalesce(sum((job.records_created ->> 'orders')::bigint), 0)::bigint AS orders,
       coalesce(sum((job.records_created ->> 'products')::bigint), 0)::bigint AS products
FROM sync.jobs_v1 AS job
WHERE job.advertiser_id = :advertiser_id AND job.completed_at > :since AND job.status IN ('completed', 'failed')
GROUP BY 1
