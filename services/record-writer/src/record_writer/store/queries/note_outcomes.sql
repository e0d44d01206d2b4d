-- Note what became of each record of a job, the first outcome for good, and tally what was added to the set.
WITH listed AS (
    SELECT *
    FROM jsonb_to_recordset(%(entries)s) AS entry (
        advertiser_id bigint, job_id bigint, store_id bigint, external_id text, epoch integer,
        outcome text, field text, reason text
    )
), noted AS (
    INSERT INTO records.job_ledger (advertiser_id, job_id, resource, external_id, store_id, outcome, field, reason)
    SELECT advertiser_id, job_id, %(resource)s, external_id, store_id, outcome, field, reason
    FROM listed
    ORDER BY advertiser_id, job_id, external_id
    ON CONFLICT DO NOTHING
    RETURNING advertiser_id, job_id, store_id, outcome
), latest AS (
    SELECT advertiser_id, job_id, max(epoch) AS epoch FROM listed GROUP BY advertiser_id, job_id
)
INSERT INTO records.job_tallies
    (advertiser_id, job_id, store_id, resource, epoch, created, updated, unchanged, skipped, failed)
SELECT advertiser_id, job_id, store_id, %(resource)s, epoch,
       count(*) FILTER (WHERE outcome = 'created'), count(*) FILTER (WHERE outcome = 'updated'),
       count(*) FILTER (WHERE outcome = 'unchanged'), count(*) FILTER (WHERE outcome = 'skipped'),
       count(*) FILTER (WHERE outcome = 'failed')
FROM noted JOIN latest USING (advertiser_id, job_id)
GROUP BY advertiser_id, job_id, store_id, epoch
