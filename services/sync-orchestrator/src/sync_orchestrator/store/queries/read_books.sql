-- The writer's account of our jobs: marks of the epoch we hold, counts of the whole job.
-- The two ANY conditions repeat the join in a form that PostgreSQL can push down into the view.
SELECT b.job_id, b.resource,
       coalesce(max(b.marks_seen) FILTER (WHERE b.epoch = mine.epoch), 0) AS marks_seen,
       max(b.created) AS created, max(b.updated) AS updated, max(b.unchanged) AS unchanged,
       max(b.skipped) AS skipped, max(b.failed) AS failed, max(b.distinct_ids) AS distinct_ids
FROM records.job_books_v1 b
JOIN unnest(CAST(:advertiser_ids AS bigint[]), CAST(:job_ids AS bigint[]), CAST(:epochs AS integer[]))
    AS mine (advertiser_id, job_id, epoch)
    ON b.advertiser_id = mine.advertiser_id AND b.job_id = mine.job_id
WHERE b.advertiser_id = ANY (CAST(:advertiser_ids AS bigint[])) AND b.job_id = ANY (CAST(:job_ids AS bigint[]))
GROUP BY b.job_id, b.resource
