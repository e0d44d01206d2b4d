-- Note each webhook delivery once per store, with what became of it the first time.
INSERT INTO records.deliveries
    (advertiser_id, store_id, topic, webhook_id, shopify_event_id, digest, triggered_at, received_at, outcome)
SELECT advertiser_id, store_id, topic, webhook_id, shopify_event_id, digest, triggered_at, received_at, outcome
FROM jsonb_to_recordset(%(deliveries)s) AS delivery (
    advertiser_id bigint, store_id bigint, topic text, webhook_id text, shopify_event_id text, digest text,
    triggered_at timestamptz, received_at timestamptz, outcome text
)
ORDER BY advertiser_id, store_id, topic, webhook_id
ON CONFLICT DO NOTHING
