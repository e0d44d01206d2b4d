-- Take the next free moment for a call to Loops, and say how far off it is. Replicas queue here: all share its limit.
UPDATE notify.pace
SET free_at = greatest(free_at, clock_timestamp()) + make_interval(secs => :spacing_seconds)
RETURNING extract(epoch FROM free_at - clock_timestamp()) - CAST(:spacing_seconds AS double precision) AS wait_seconds
