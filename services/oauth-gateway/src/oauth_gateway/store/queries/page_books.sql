-- Records written so far by the active jobs; a count over all epochs, so the largest is the count.
SELECT book.job_id, book.resource, max(book.distinct_ids)::bigint AS written
FROM records.job_books_v1 AS book
WHERE book.advertiser_id = :advertiser_id AND book.job_id = ANY (:job_ids)
GROUP BY book.job_id, book.resource
