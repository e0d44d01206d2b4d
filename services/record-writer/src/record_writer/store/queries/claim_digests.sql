-- Claim the bodies of a batch for their shops; return those that another shop delivered first.
WITH listed AS (
    SELECT DISTINCT digest, shop_domain FROM jsonb_to_recordset(%(digests)s) AS body (digest text, shop_domain text)
), claimed AS (
    INSERT INTO records.delivery_digests (digest, shop_domain)
    SELECT DISTINCT ON (digest) digest, shop_domain FROM listed ORDER BY digest, shop_domain
    ON CONFLICT (digest) DO UPDATE SET shop_domain = delivery_digests.shop_domain
    RETURNING digest, shop_domain
)
SELECT listed.digest, listed.shop_domain
FROM listed JOIN claimed USING (digest)
WHERE claimed.shop_domain <> listed.shop_domain
