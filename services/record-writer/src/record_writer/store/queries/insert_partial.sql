-- Make a row of a partial record that nothing is stored of yet; what it lacks comes with the refetch.
INSERT INTO records.{table}
    (advertiser_id, source_type, source_id, external_id, updated_at_source, observed_at, {columns})
SELECT staged.advertiser_id, 'ShopifyStore', staged.source_id, staged.external_id, staged.updated_at_source,
       staged.observed_at, {values}
FROM {staged}
WHERE staged.round = %(round)s AND staged.creates
ORDER BY staged.advertiser_id, staged.source_id, staged.external_id
ON CONFLICT DO NOTHING
RETURNING advertiser_id, source_id, external_id
