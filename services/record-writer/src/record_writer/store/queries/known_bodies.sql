-- Which of these records are stored just as these bodies say: mapped in full from the very same bytes, and not touched by
-- anything partial since.
SELECT listed.advertiser_id, listed.store_id, array_agg(wanted.external_id), array_agg(wanted.body_hash)
FROM jsonb_to_recordset(%(listed)s)
    AS listed (advertiser_id bigint, store_id bigint, external_ids text, body_hashes text)
CROSS JOIN LATERAL unnest(string_to_array(listed.external_ids, ' '), string_to_array(listed.body_hashes, ' '))
    AS wanted (external_id, body_hash)
CROSS JOIN LATERAL (
    SELECT FROM records.{table} AS stored
    WHERE stored.advertiser_id = listed.advertiser_id
      AND stored.source_type = 'ShopifyStore'
      AND stored.source_id = listed.store_id
      AND stored.external_id = wanted.external_id
      AND stored.body_hash = decode(wanted.body_hash, 'hex')
      AND stored.content_hash IS NOT NULL
    OFFSET 0
) AS known
GROUP BY listed.advertiser_id, listed.store_id
