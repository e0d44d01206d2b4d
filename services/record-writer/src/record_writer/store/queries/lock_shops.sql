-- Hold these shops' locks until the transaction ends, always in the same order. Shops share 1024 locks, so that a
-- batch of many shops cannot fill the lock table.
SELECT CASE WHEN alone THEN pg_advisory_xact_lock(8193, bucket) ELSE pg_advisory_xact_lock_shared(8193, bucket) END
FROM (
    SELECT hashtext(shop) & 1023 AS bucket, bool_or(alone) AS alone
    FROM jsonb_to_recordset(%(shops)s) AS listed (shop text, alone boolean)
    GROUP BY bucket
    ORDER BY bucket
    OFFSET 0
) AS ordered
