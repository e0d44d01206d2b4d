-- How many mails wait, and how long the oldest of them has been due.
SELECT count(*) AS pending,
       coalesce(extract(epoch FROM clock_timestamp() - min(due_at) FILTER (WHERE due_at <= clock_timestamp())), 0)
           AS oldest_due_seconds
FROM notify.emails
WHERE state = 'pending'
