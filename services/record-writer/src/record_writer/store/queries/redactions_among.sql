-- Which of these subjects are redacted, and since when.
SELECT kind, key, redacted_at
FROM records.redactions
JOIN unnest(%(kinds)s::text[], %(keys)s::bytea[]) AS wanted (kind, key) USING (kind, key)
