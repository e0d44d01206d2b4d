-- Put records back after a failed read, later each time. Where tries are counted, give up after the last one.
WITH tried AS (
    SELECT unnest(CAST(:record_ids AS text[])) AS record_id
),
given_up AS (
    DELETE FROM sync.refetch_queue q USING tried t
    WHERE q.shop_domain = :shop_domain AND q.resource = :resource AND q.record_id = t.record_id
      AND q.attempt + 1 >= CAST(:attempts_max AS integer)
    RETURNING q.record_id
),
kept AS (
    UPDATE sync.refetch_queue q
    SET lease_owner = NULL, lease_expires_at = NULL, attempt = q.attempt + 1,
        due_at = clock_timestamp()
            + make_interval(secs => least(:delay_seconds * 2 ^ least(q.attempt, 30), :delay_seconds_max))
    FROM tried t
    WHERE q.shop_domain = :shop_domain AND q.resource = :resource AND q.record_id = t.record_id
      AND q.attempt + 1 < coalesce(CAST(:attempts_max AS integer), q.attempt + 2)
    RETURNING q.record_id
)
SELECT count(*) FROM given_up
