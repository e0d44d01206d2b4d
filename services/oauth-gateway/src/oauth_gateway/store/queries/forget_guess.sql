-- Take a guess that was right back out of its buckets, and clear one of them wholly.
-- Rows are locked as guesses are counted, one after the other in one order, and each is read when it is locked:
-- a statement that reads all counts, waits, and then subtracts would subtract from what was there before it waited.
INSERT INTO gateway.login_failures AS counted (bucket, failures, window_ends)
SELECT guessed.bucket, 0, :now
FROM unnest(CAST(:buckets AS bytea[])) AS guessed (bucket)
ORDER BY guessed.bucket
ON CONFLICT (bucket) DO UPDATE SET
    failures = CASE WHEN counted.bucket = :cleared THEN 0 ELSE greatest(counted.failures - 1, 0) END
