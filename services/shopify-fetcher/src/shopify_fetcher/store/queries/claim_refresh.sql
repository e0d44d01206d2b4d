-- Take the lease on refreshing one version of a pair. No row: refreshed meanwhile, forgotten, or held by another.
UPDATE fetcher.credentials
SET refresh_lease_owner = :owner, refresh_lease_until = clock_timestamp() + :lease
WHERE installation_id = :installation_id
  AND token_version = :seen
  AND (refresh_lease_until IS NULL OR refresh_lease_until < clock_timestamp())
RETURNING installation_id, data_key, access_token, refresh_token, previous_refresh_token, token_version,
          expires_at - clock_timestamp() AS life_left
