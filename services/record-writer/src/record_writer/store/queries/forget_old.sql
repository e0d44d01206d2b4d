-- Delete the next rows that are too old; what another process deletes is left to it.
DELETE FROM records.{table}
WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM records.{table}
    WHERE {since} < statement_timestamp() - %(kept)s
    ORDER BY {since}
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
))
