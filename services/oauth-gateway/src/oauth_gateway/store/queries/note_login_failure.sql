-- Count one failed log-in; a window that is over begins anew with one.
INSERT INTO gateway.login_failures AS counted (bucket, failures, window_ends)
VALUES (:bucket, 1, :window_ends)
ON CONFLICT (bucket) DO UPDATE SET
    failures = CASE WHEN counted.window_ends > :now THEN counted.failures + 1 ELSE 1 END,
    window_ends = CASE WHEN counted.window_ends > :now THEN counted.window_ends ELSE EXCLUDED.window_ends END
