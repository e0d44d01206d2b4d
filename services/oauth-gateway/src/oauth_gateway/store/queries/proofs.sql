-- How each resource of the advertiser's stores last compared with Shopify.
SELECT proof.store_id, proof.resource, proof.shopify_count, proof.our_count, proof.missing, proof.surplus,
       proof.repaired, proof.lost_changes, proof.checked_at, proof.equal
FROM sync.proofs_v1 AS proof
WHERE proof.advertiser_id = :advertiser_id
