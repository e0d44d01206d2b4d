-- After a full read: what Shopify exported, what we hold of it, and how many rows differed until now.
INSERT INTO sync.proofs AS p (
    advertiser_id, store_id, resource, job_id, shopify_count, our_count, differences, checked_at
)
SELECT :advertiser_id, :store_id, resource, job_id, read_count, created + updated + unchanged,
       created + updated, clock_timestamp()
FROM sync.sync_job_parts
WHERE advertiser_id = :advertiser_id AND job_id = :job_id AND state = 'done' AND mode = 'bulk'
ON CONFLICT (advertiser_id, store_id, resource) DO UPDATE
SET job_id = excluded.job_id, shopify_count = excluded.shopify_count, our_count = excluded.our_count,
    differences = excluded.differences, checked_at = excluded.checked_at
