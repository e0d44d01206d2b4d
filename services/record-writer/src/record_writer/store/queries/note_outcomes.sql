-- Note what became of each record of a job, and tally what that changed in the set. The first outcome stays, unless it
-- was a failure and the record came again whole: then the tally takes the failure back. No id is listed twice.
-- Closed books stay as they are.
WITH verdicts AS MATERIALIZED (
    SELECT *
    FROM jsonb_to_recordset(%(verdicts)s) AS verdict (
        advertiser_id bigint, job_id bigint, store_id bigint, epoch integer, outcome text, field text, reason text,
        external_ids text
    )
    WHERE NOT EXISTS (SELECT FROM records.job_books AS closed
                      WHERE closed.advertiser_id = verdict.advertiser_id AND closed.job_id = verdict.job_id)
), noted AS (
    INSERT INTO records.job_ledger AS stored
        (advertiser_id, job_id, resource, external_id, store_id, outcome, field, reason)
    SELECT advertiser_id, job_id, %(resource)s, external_id, store_id, outcome, field, reason
    FROM verdicts CROSS JOIN LATERAL unnest(string_to_array(external_ids, E'\n')) AS external_id
    ORDER BY advertiser_id, job_id, external_id
    ON CONFLICT (advertiser_id, job_id, resource, external_id) DO UPDATE SET
        outcome = excluded.outcome, field = excluded.field, reason = excluded.reason
    WHERE stored.outcome = 'failed' AND excluded.outcome <> 'failed'
    RETURNING WITH (OLD AS before, NEW AS after)
        after.advertiser_id, after.job_id, after.store_id, after.outcome, before.outcome AS replaced
), latest AS (
    SELECT advertiser_id, job_id, max(epoch) AS epoch FROM verdicts GROUP BY advertiser_id, job_id
)
INSERT INTO records.job_tallies
    (advertiser_id, job_id, store_id, resource, epoch, created, updated, unchanged, skipped, failed)
SELECT advertiser_id, job_id, store_id, %(resource)s, epoch,
       count(*) FILTER (WHERE outcome = 'created'), count(*) FILTER (WHERE outcome = 'updated'),
       count(*) FILTER (WHERE outcome = 'unchanged'), count(*) FILTER (WHERE outcome = 'skipped'),
       count(*) FILTER (WHERE outcome = 'failed') - count(replaced)
FROM noted JOIN latest USING (advertiser_id, job_id)
GROUP BY advertiser_id, job_id, store_id, epoch
