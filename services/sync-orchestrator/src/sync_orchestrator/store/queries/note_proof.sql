-- Keep how a resource compared with Shopify, if the check is still ours.
INSERT INTO sync.proofs AS p (
    advertiser_id, store_id, resource, check_id, job_id, shopify_count, our_count, missing, surplus, repaired,
    lost_changes, checked_at
)
SELECT c.advertiser_id, c.store_id, :resource, c.check_id, c.job_id, :shopify_count, :our_count, :missing, :surplus,
       :repaired, CAST(:lost_changes AS bigint), clock_timestamp()
FROM sync.checks c
WHERE c.advertiser_id = :advertiser_id AND c.check_id = :check_id AND c.epoch = :epoch AND c.state = 'running'
ON CONFLICT (advertiser_id, store_id, resource) DO UPDATE
SET check_id = excluded.check_id, job_id = coalesce(excluded.job_id, p.job_id),
    shopify_count = excluded.shopify_count, our_count = excluded.our_count, missing = excluded.missing,
    surplus = excluded.surplus, repaired = excluded.repaired,
    lost_changes = CASE WHEN excluded.job_id IS NULL THEN p.lost_changes ELSE excluded.lost_changes END,
    checked_at = excluded.checked_at
RETURNING p.check_id
