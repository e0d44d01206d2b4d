-- Count a guess in every bucket of it, before anybody checks it. A window that is over or empty begins anew with one.
-- One order of the buckets for everybody, so that two guesses never wait for each other.
WITH pruned AS (
    DELETE FROM gateway.login_failures
    WHERE bucket IN (
        SELECT over.bucket FROM gateway.login_failures AS over
        WHERE over.window_ends <= :now AND over.bucket <> ALL (CAST(:buckets AS bytea[]))
        FOR UPDATE SKIP LOCKED
    )
)
INSERT INTO gateway.login_failures AS counted (bucket, failures, window_ends)
SELECT guessed.bucket, 1, :window_ends
FROM unnest(CAST(:buckets AS bytea[])) AS guessed (bucket)
ORDER BY guessed.bucket
ON CONFLICT (bucket) DO UPDATE SET
    failures = CASE WHEN counted.window_ends > :now THEN counted.failures + 1 ELSE 1 END,
    window_ends = CASE
        WHEN counted.window_ends > :now AND counted.failures > 0 THEN counted.window_ends
        ELSE EXCLUDED.window_ends
    END
RETURNING counted.bucket, counted.failures
