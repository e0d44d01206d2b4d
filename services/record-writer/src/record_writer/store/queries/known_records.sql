-- Which of these full records are stored just so: the same content, at the same updated_at or a later one.
SELECT listed.advertiser_id, listed.store_id, array_agg(wanted.external_id)
FROM jsonb_to_recordset(%(listed)s)
    AS listed (advertiser_id bigint, store_id bigint, external_ids text[], hashes bytea[], times timestamptz[])
CROSS JOIN LATERAL unnest(listed.external_ids, listed.hashes, listed.times) AS wanted (external_id, hash, updated_at)
CROSS JOIN LATERAL (
    SELECT FROM records.{table} AS stored
    WHERE stored.advertiser_id = listed.advertiser_id
      AND stored.source_type = 'ShopifyStore'
      AND stored.source_id = listed.store_id
      AND stored.external_id = wanted.external_id
      AND stored.content_hash = wanted.hash
      AND stored.updated_at_source >= wanted.updated_at
    OFFSET 0
) AS known
GROUP BY listed.advertiser_id, listed.store_id
