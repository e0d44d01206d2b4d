-- Remember what may never be written again; the latest time of each.
WITH remembered AS (
    INSERT INTO records.redactions AS stored (kind, key, redacted_at)
    SELECT kind, key, %(redacted_at)s FROM unnest(%(kinds)s::text[], %(keys)s::bytea[]) AS listed (kind, key)
    ON CONFLICT (kind, key) DO UPDATE SET redacted_at = greatest(stored.redacted_at, excluded.redacted_at)
)
INSERT INTO records.redacted_shops AS stored (shop_key, latest_at)
VALUES (%(shop_key)s, %(redacted_at)s)
ON CONFLICT (shop_key) DO UPDATE SET latest_at = greatest(stored.latest_at, excluded.latest_at)
