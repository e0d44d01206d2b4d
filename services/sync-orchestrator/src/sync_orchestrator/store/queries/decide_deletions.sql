-- Do what a person decided with the records of one check and resource, as far as it is still to be decided.
UPDATE sync.deletions
SET state = CAST(:state AS text), decided_at = clock_timestamp(), decided_by_user_id = CAST(:user_id AS bigint)
WHERE advertiser_id = :advertiser_id AND store_id = :store_id AND check_id = :check_id AND resource = :resource
  AND state = ANY (CAST(:from_states AS text[]))
