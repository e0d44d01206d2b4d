-- Write each full record unless the stored copy is as new or newer. Equal content at a newer updated_at only moves
-- the version: else an older, different record that comes late would look newer than what is stored. Equal content at
-- the same updated_at writes nothing, so that a full sync rewrites nothing. A row that is not returned was left alone; the
-- others are returned as a list of ids for each store and outcome.
WITH written AS (
    INSERT INTO records.{table} AS stored
        (advertiser_id, source_type, source_id, external_id, updated_at_source, observed_at, content_hash, body_hash,
         {columns})
    SELECT staged.advertiser_id, 'ShopifyStore', staged.source_id, staged.external_id, staged.updated_at_source,
           staged.observed_at, staged.content_hash, staged.body_hash, {values}
    FROM {staged}
    WHERE staged.round = 0
    ORDER BY staged.advertiser_id, staged.source_id, staged.external_id
    ON CONFLICT (advertiser_id, source_type, source_id, external_id) DO UPDATE SET
        updated_at_source = excluded.updated_at_source,
        observed_at = excluded.observed_at,
        content_hash = excluded.content_hash,
        body_hash = excluded.body_hash,
        deleted_at = NULL,
        updated_at = CASE WHEN stored.content_hash = excluded.content_hash THEN stored.updated_at ELSE clock_timestamp() END,
    {assignments}
    WHERE (excluded.updated_at_source, excluded.observed_at) > (stored.updated_at_source, stored.observed_at)
      AND (stored.content_hash IS DISTINCT FROM excluded.content_hash
           OR excluded.updated_at_source > stored.updated_at_source)
    RETURNING WITH (OLD AS before, NEW AS after)
        after.advertiser_id, after.source_id, after.external_id,
        CASE WHEN before.id IS NULL THEN 'created'
             WHEN before.content_hash = after.content_hash THEN 'unchanged'
             ELSE 'updated' END AS outcome,
        coalesce(before.updated_at_source = after.updated_at_source AND before.content_hash <> after.content_hash, false)
            AS tied
)
SELECT outcome, tied, advertiser_id, source_id, array_agg(external_id)
FROM written
GROUP BY outcome, tied, advertiser_id, source_id
