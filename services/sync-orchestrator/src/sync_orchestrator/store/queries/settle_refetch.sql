-- Forget the records that were read, except those asked for again meanwhile: they become due at once.
WITH answered AS (
    SELECT * FROM unnest(CAST(:record_ids AS text[]), CAST(:revisions AS bigint[])) AS a (record_id, revision)
),
forgotten AS (
    DELETE FROM sync.refetch_queue q USING answered a
    WHERE q.shop_domain = :shop_domain AND q.resource = :resource
      AND q.record_id = a.record_id AND q.revision = a.revision
    RETURNING q.record_id
)
UPDATE sync.refetch_queue q
SET lease_owner = NULL, lease_expires_at = NULL
FROM answered a
WHERE q.shop_domain = :shop_domain AND q.resource = :resource
  AND q.record_id = a.record_id AND q.revision <> a.revision
