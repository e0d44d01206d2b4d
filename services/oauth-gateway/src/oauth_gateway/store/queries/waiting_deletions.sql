-- How many records of each store wait for a person to delete or keep them.
SELECT gone.store_id, gone.resource, count(*) AS records
FROM sync.deletions_v1 AS gone
WHERE gone.advertiser_id = :advertiser_id AND gone.state = 'waiting'
GROUP BY gone.store_id, gone.resource
