-- The next deletions to carry out or to undo: of one store and resource, and of one kind, so that one request reads
-- them. Those to be deleted wait while there is nobody to ask whether they are gone. Two replicas may take the same:
-- telling a record gone twice is telling it once.
WITH next AS (
    SELECT d.advertiser_id, d.store_id, d.resource, d.state, s.installation_id, s.shop_domain
    FROM sync.deletions d
    JOIN sync.store_state s ON s.advertiser_id = d.advertiser_id AND s.store_id = d.store_id
    WHERE (d.state = 'restoring' OR (d.state = 'deleting' AND s.status <> 'disconnected'))
      AND d.store_id <> ALL (CAST(:but_of AS bigint[]))
    ORDER BY d.found_at
    LIMIT 1
)
SELECT d.advertiser_id, d.store_id, d.resource, d.state, d.record_id, next.installation_id, next.shop_domain
FROM sync.deletions d
JOIN next USING (advertiser_id, store_id, resource, state)
ORDER BY d.record_id
LIMIT :records_max
