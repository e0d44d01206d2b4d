-- Make a row of a partial record that nothing is stored of yet; what it lacks comes with the refetch.
INSERT INTO records.{table}
    (advertiser_id, source_type, source_id, external_id, updated_at_source, observed_at, {columns})
SELECT advertiser_id, 'ShopifyStore', source_id, external_id, updated_at_source, observed_at, {values}
FROM staged
WHERE round = %(round)s AND creates
ORDER BY advertiser_id, source_id, external_id
ON CONFLICT DO NOTHING
RETURNING advertiser_id, source_id, external_id
