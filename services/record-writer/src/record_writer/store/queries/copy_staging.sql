-- The order in which staging.Lines writes the fields.
COPY staged (advertiser_id, source_id, round, creates, updated_at_source, observed_at, {plain},
             external_id, consent_email, {texts}, carried, {arrays}, content_hash, body_hash, {documents})
FROM STDIN (NULL E'\x01')
