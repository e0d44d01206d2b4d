-- Delete the next rows of the ledger of one closed job, and at its end the tallies and marks, whose sums are kept. A
-- batch that began before the job was closed may still commit: so a job that was closed just now is left alone.
WITH claimed AS MATERIALIZED (
    SELECT advertiser_id, job_id, reached_resource, reached_id
    FROM records.job_foldings
    WHERE closed_at < clock_timestamp() - %(unsettled)s
    ORDER BY closed_at
    LIMIT 1
    FOR UPDATE SKIP LOCKED
), page AS MATERIALIZED (
    SELECT next.*
    FROM claimed
    CROSS JOIN LATERAL (
        SELECT ledger.ctid AS place, ledger.resource, ledger.external_id
        FROM records.job_ledger AS ledger
        WHERE ledger.advertiser_id = claimed.advertiser_id AND ledger.job_id = claimed.job_id
          AND (ledger.resource, ledger.external_id) > (claimed.reached_resource, claimed.reached_id)
        ORDER BY ledger.resource, ledger.external_id
        LIMIT %(limit)s
    ) AS next
), folded AS (
    DELETE FROM records.job_ledger WHERE ctid = ANY (ARRAY(SELECT place FROM page))
), reached AS (
    UPDATE records.job_foldings AS folding SET reached_resource = last.resource, reached_id = last.external_id
    FROM claimed, (SELECT resource, external_id FROM page ORDER BY resource DESC, external_id DESC LIMIT 1) AS last
    WHERE folding.advertiser_id = claimed.advertiser_id AND folding.job_id = claimed.job_id
), done AS MATERIALIZED (
    SELECT advertiser_id, job_id FROM claimed WHERE NOT EXISTS (SELECT FROM page)
), tallied AS (
    DELETE FROM records.job_tallies USING done
    WHERE job_tallies.advertiser_id = done.advertiser_id AND job_tallies.job_id = done.job_id
), marked AS (
    DELETE FROM records.job_marks USING done
    WHERE job_marks.advertiser_id = done.advertiser_id AND job_marks.job_id = done.job_id
), finished AS (
    DELETE FROM records.job_foldings USING done
    WHERE job_foldings.advertiser_id = done.advertiser_id AND job_foldings.job_id = done.job_id
)
SELECT FROM claimed
