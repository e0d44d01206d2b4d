-- Records written so far by the active jobs; a set over all epochs, so the largest count is the count.
SELECT book.job_id, book.resource, max(book.distinct_ids) AS written
FROM records.job_books_v1 AS book
WHERE book.job_id = ANY (:job_ids)
GROUP BY book.job_id, book.resource
