-- Take a guess that was right back out of its buckets: one is cleared wholly, and so are those that hold nothing else.
-- They are locked in the order in which guesses are counted.
WITH mine AS (
    SELECT bucket, failures FROM gateway.login_failures
    WHERE bucket = ANY (CAST(:buckets AS bytea[])) ORDER BY bucket FOR UPDATE
),
emptied AS (
    DELETE FROM gateway.login_failures
    WHERE bucket IN (SELECT mine.bucket FROM mine WHERE mine.failures = 1 OR mine.bucket = :cleared)
)
UPDATE gateway.login_failures AS counted SET failures = counted.failures - 1
FROM mine WHERE counted.bucket = mine.bucket AND mine.failures > 1 AND mine.bucket <> :cleared
