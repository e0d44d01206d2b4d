-- Which of our jobs are still ours: a cancelled one, or one taken over, is missing.
SELECT j.job_id
FROM sync.sync_jobs j
JOIN unnest(CAST(:job_ids AS bigint[]), CAST(:epochs AS integer[])) AS mine (job_id, epoch)
    ON j.job_id = mine.job_id AND j.epoch = mine.epoch
WHERE j.status = 'running'
