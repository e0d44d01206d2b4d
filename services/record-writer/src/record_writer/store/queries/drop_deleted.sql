-- Drop what a tombstone forbids: a record that is not newer than its own deletion.
DELETE FROM staged
USING records.tombstones AS tombstone
WHERE tombstone.resource = %(resource)s
  AND tombstone.advertiser_id = staged.advertiser_id
  AND tombstone.store_id = staged.source_id
  AND tombstone.external_id = staged.external_id
  AND (coalesce(staged.updated_at_source, staged.observed_at), staged.observed_at)
      <= (tombstone.deleted_at, tombstone.deleted_at)
RETURNING staged.advertiser_id, staged.source_id, staged.external_id
