-- Take the installation whose webhook check has been due for longest; replicas skip what another has taken.
UPDATE fetcher.installations
SET webhooks_due_at = clock_timestamp() + :period
WHERE id = (
    SELECT id FROM fetcher.installations
    WHERE webhooks_due_at <= clock_timestamp()
    ORDER BY webhooks_due_at
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
RETURNING id, shop_domain, access_scopes, generation, installed_at, webhooks_installed, webhooks_gap, timezone
