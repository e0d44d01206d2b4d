-- Delete the next of a store's tombstones from before its erasure was asked for: they name records, and nothing of that
-- time can come back anyway.
WITH gone AS (
    DELETE FROM records.tombstones
    WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM records.tombstones
        WHERE advertiser_id = %(advertiser_id)s AND store_id = %(store_id)s AND deleted_at <= %(requested_at)s
        LIMIT %(limit)s
    ))
    RETURNING 1
)
SELECT count(*), CASE WHEN count(*) > 0 THEN %(after)s END FROM gone
