-- Note the end marks of parts, each once, unless the books of their jobs are closed.
INSERT INTO records.job_marks (advertiser_id, job_id, resource, epoch, partition, store_id)
SELECT advertiser_id, job_id, %(resource)s, epoch, partition, store_id
FROM jsonb_to_recordset(%(marks)s)
    AS mark (advertiser_id bigint, job_id bigint, epoch integer, partition integer, store_id bigint)
WHERE NOT EXISTS (SELECT FROM records.job_books AS closed
                  WHERE closed.advertiser_id = mark.advertiser_id AND closed.job_id = mark.job_id)
ORDER BY advertiser_id, job_id, epoch, partition
ON CONFLICT DO NOTHING
