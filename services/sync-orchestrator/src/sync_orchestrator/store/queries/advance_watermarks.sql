-- Move each closed resource forward to the margin before its read began, never back.
INSERT INTO sync.watermarks AS w (advertiser_id, store_id, resource, reached_at, job_id)
VALUES (:advertiser_id, :store_id, :resource, :reached_at, :job_id)
ON CONFLICT (advertiser_id, store_id, resource) DO UPDATE
SET reached_at = greatest(w.reached_at, excluded.reached_at), job_id = excluded.job_id
