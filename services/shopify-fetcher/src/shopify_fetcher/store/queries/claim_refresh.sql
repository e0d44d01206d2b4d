-- Take the token lease to refresh one version of a pair.
-- No row: the pair was replaced or forgotten meanwhile, or another process holds the lease.
UPDATE fetcher.installations i
SET token_lease_owner = :owner, token_lease_until = clock_timestamp() + :lease
FROM fetcher.credentials c
WHERE i.id = :installation_id
  AND c.installation_id = i.id
  AND c.token_version = :seen
  AND (i.token_lease_until IS NULL OR i.token_lease_until < clock_timestamp())
RETURNING c.installation_id, c.data_key, c.access_token, c.refresh_token, c.previous_refresh_token,
          c.token_version, c.expires_at - clock_timestamp() AS life_left
