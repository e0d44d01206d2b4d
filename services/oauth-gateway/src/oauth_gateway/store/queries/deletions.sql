-- What the checks of a store found deleted at Shopify, by check, resource and what became of it: what waits first.
SELECT gone.check_id, gone.resource, gone.state, count(*) AS records,
       max(coalesce(gone.decided_at, gone.found_at)) AS at, max(member.name) AS decided_by,
       (array_agg(gone.record_id ORDER BY length(gone.record_id), gone.record_id))[1 : :ids_max] AS record_ids
FROM sync.deletions_v1 AS gone
LEFT JOIN gateway.users AS member ON member.id = gone.decided_by_user_id
WHERE gone.advertiser_id = :advertiser_id AND gone.store_id = :store_id
GROUP BY gone.check_id, gone.resource, gone.state
ORDER BY gone.state <> 'waiting', gone.check_id DESC, gone.resource, gone.state
LIMIT :groups_max
