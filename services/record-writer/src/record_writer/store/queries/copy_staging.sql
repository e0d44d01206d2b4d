-- The order in which staging.line writes its fields.
COPY staged (advertiser_id, source_id, external_id, round, creates, updated_at_source, observed_at, content_hash,
             body_hash, carried, consent_email, {data_columns}) FROM STDIN
