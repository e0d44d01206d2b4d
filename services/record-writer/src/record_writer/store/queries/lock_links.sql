-- Let the batches that end parts of these stores take turns until they are committed, always in the same order. Stores
-- share 1024 locks, apart from the shops'.
SELECT pg_advisory_xact_lock(8194, bucket)
FROM (
    SELECT DISTINCT (store_id & 1023)::integer AS bucket
    FROM unnest(%(store_ids)s::bigint[]) AS listed (store_id)
    ORDER BY bucket
    OFFSET 0
) AS ordered
