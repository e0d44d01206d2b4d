-- Schemas, roles and the functions that row-level security stands on. Run once by a superuser; repeatable.
-- One role runs a service (svc_*), another owns its schema and migrates it (migrate_*). Nobody else may write there.

BEGIN;
SET LOCAL lock_timeout = '5s';

DO $$
DECLARE
    service record;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'every_tenant') THEN
        CREATE ROLE every_tenant NOLOGIN;
    END IF;

    FOR service IN
        SELECT * FROM (VALUES
            ('oauth_gateway', 'gateway'),
            ('sync_orchestrator', 'sync'),
            ('shopify_fetcher', 'fetcher'),
            ('record_writer', 'records'),
            ('notifier', 'notify')
        ) AS listed (name, schema)
    LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'svc_' || service.name) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', 'svc_' || service.name);
        END IF;
        -- A process that is frozen, or a machine that is gone, in the middle of a transaction: its locks would hold up
        -- whoever takes over, until the network says that nobody is there, which may take hours.
        EXECUTE format('ALTER ROLE %I SET idle_in_transaction_session_timeout = %L', 'svc_' || service.name, '20s');
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'migrate_' || service.name) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', 'migrate_' || service.name);
        END IF;
        EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION %I', service.schema, 'migrate_' || service.name);
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO svc_%s', service.schema, service.name);
        EXECUTE format(
            'ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA %I GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO %I',
            'migrate_' || service.name, service.schema, 'svc_' || service.name);
        EXECUTE format(
            'ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA %I GRANT USAGE, SELECT ON SEQUENCES TO %I',
            'migrate_' || service.name, service.schema, 'svc_' || service.name);
    END LOOP;

    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'migrate_published') THEN
        CREATE ROLE migrate_published LOGIN;
    END IF;
END
$$;

-- Workers see the rows of all tenants in published views; whoever is not named here sees one tenant's, or none.
GRANT every_tenant TO svc_sync_orchestrator, svc_shopify_fetcher, svc_record_writer, svc_notifier;

-- Published views may be looked up in every schema; each view is granted by name in its own migration.
GRANT USAGE ON SCHEMA gateway, sync, fetcher, records, notify
    TO svc_oauth_gateway, svc_sync_orchestrator, svc_shopify_fetcher, svc_record_writer, svc_notifier,
       migrate_oauth_gateway, migrate_sync_orchestrator, migrate_shopify_fetcher, migrate_record_writer,
       migrate_notifier, migrate_published;

CREATE SCHEMA IF NOT EXISTS tenancy;

CREATE OR REPLACE FUNCTION tenancy.current_id() RETURNS bigint
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('app.advertiser_id', true), '')::bigint;
COMMENT ON FUNCTION tenancy.current_id() IS
    'The advertiser this transaction acts for; NULL when none is set, which shows no rows.';

CREATE OR REPLACE FUNCTION tenancy.first_id() RETURNS bigint
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE WHEN pg_has_role(current_user, 'every_tenant', 'member') THEN '-9223372036854775808'::bigint
                ELSE tenancy.current_id() END;
CREATE OR REPLACE FUNCTION tenancy.last_id() RETURNS bigint
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE WHEN pg_has_role(current_user, 'every_tenant', 'member') THEN 9223372036854775807
                ELSE tenancy.current_id() END;
CREATE OR REPLACE FUNCTION tenancy.visible(advertiser_id bigint) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    -- A range, since an index finds one where it cannot decide an OR; from NULL to NULL there is nothing.
    RETURN advertiser_id BETWEEN tenancy.first_id() AND tenancy.last_id();
COMMENT ON FUNCTION tenancy.visible(bigint) IS
    'The filter of every published view: workers see all tenants, any other role the advertiser that is set.';

GRANT USAGE ON SCHEMA tenancy TO PUBLIC;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO PUBLIC;
GRANT CREATE ON SCHEMA public TO migrate_published;

-- Working tables for COPY are temporary: COPY into a table under row-level security is refused.
DO $$
BEGIN
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO svc_record_writer', current_database());
END
$$;

COMMIT;
