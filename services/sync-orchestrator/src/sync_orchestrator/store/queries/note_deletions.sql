-- Remember records that were found deleted at Shopify. What a person has decided stays decided.
INSERT INTO sync.deletions AS d (advertiser_id, store_id, resource, record_id, check_id, state)
SELECT :advertiser_id, :store_id, :resource, record_id, :check_id, :state
FROM unnest(CAST(:record_ids AS text[])) AS found (record_id)
ORDER BY record_id
ON CONFLICT (advertiser_id, store_id, resource, record_id) DO UPDATE
SET check_id = excluded.check_id, state = excluded.state, found_at = excluded.found_at, decided_at = NULL,
    decided_by_user_id = NULL
WHERE d.state IN ('waiting', 'deleted')
