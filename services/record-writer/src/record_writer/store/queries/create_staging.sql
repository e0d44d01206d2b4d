-- A table for this transaction's batch: the columns a payload can carry, and how each row is to be applied.
CREATE TEMPORARY TABLE staged ON COMMIT DROP AS
SELECT advertiser_id, source_id, external_id, updated_at_source, observed_at, content_hash, body_hash, {data_columns},
       NULL::smallint AS round, NULL::boolean AS creates, NULL::text[] AS carried, NULL::text AS consent_email
FROM records.{table}
WITH NO DATA
