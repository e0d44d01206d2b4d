-- Close the books of some jobs that nothing was written to for so long that nothing of them can come any more: keep
-- what job_books_v1 says of them, and have their ledger deleted. What another process closes at the same moment is left
-- to it. The two ANY conditions repeat the join in a form that PostgreSQL can push down into the view.
WITH quiet AS (
    SELECT DISTINCT advertiser_id, job_id
    FROM (
        SELECT advertiser_id, job_id FROM records.job_tallies WHERE created_at < statement_timestamp() - %(quiet)s
        UNION ALL
        SELECT advertiser_id, job_id FROM records.job_marks WHERE created_at < statement_timestamp() - %(quiet)s
    ) AS old
    WHERE NOT EXISTS (SELECT FROM records.job_books AS closed
                      WHERE closed.advertiser_id = old.advertiser_id AND closed.job_id = old.job_id)
      AND NOT EXISTS (SELECT FROM records.job_tallies AS later
                      WHERE later.advertiser_id = old.advertiser_id AND later.job_id = old.job_id
                        AND later.created_at >= statement_timestamp() - %(quiet)s)
      AND NOT EXISTS (SELECT FROM records.job_marks AS later
                      WHERE later.advertiser_id = old.advertiser_id AND later.job_id = old.job_id
                        AND later.created_at >= statement_timestamp() - %(quiet)s)
    LIMIT %(limit)s
), closed AS (
    INSERT INTO records.job_books (advertiser_id, job_id, resource, epoch, store_id, marks_seen,
                                   created, updated, unchanged, skipped, failed)
    SELECT advertiser_id, job_id, resource, epoch, store_id, marks_seen, created, updated, unchanged, skipped, failed
    FROM records.job_books_v1 JOIN quiet USING (advertiser_id, job_id)
    WHERE advertiser_id = ANY (ARRAY(SELECT advertiser_id FROM quiet))
      AND job_id = ANY (ARRAY(SELECT job_id FROM quiet))
    ORDER BY advertiser_id, job_id, resource, epoch
    ON CONFLICT DO NOTHING
    RETURNING advertiser_id, job_id
)
INSERT INTO records.job_foldings (advertiser_id, job_id)
SELECT DISTINCT advertiser_id, job_id FROM closed ORDER BY advertiser_id, job_id
