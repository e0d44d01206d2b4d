-- Put one row in the place of many of the same store and resource; no reader sees another sum meanwhile. What another
-- process folds is left to it.
WITH many AS (
    SELECT advertiser_id, store_id, resource
    FROM records.row_tallies
    GROUP BY advertiser_id, store_id, resource
    HAVING count(*) > 1
), claimed AS MATERIALIZED (
    SELECT tally.advertiser_id, tally.id
    FROM records.row_tallies AS tally JOIN many USING (advertiser_id, store_id, resource)
    LIMIT %(limit)s
    FOR UPDATE OF tally SKIP LOCKED
), folded AS (
    DELETE FROM records.row_tallies AS tally
    USING claimed
    WHERE tally.advertiser_id = claimed.advertiser_id AND tally.id = claimed.id
    RETURNING tally.advertiser_id, tally.store_id, tally.resource, tally.number
), kept AS (
    INSERT INTO records.row_tallies (advertiser_id, store_id, resource, number)
    SELECT advertiser_id, store_id, resource, sum(number)
    FROM folded
    GROUP BY advertiser_id, store_id, resource
    HAVING sum(number) <> 0
)
SELECT FROM folded
