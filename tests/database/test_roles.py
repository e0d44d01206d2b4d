"""Each service's role can do its job and nothing else; every tenant table is guarded. Read from the catalogue."""

from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from local_stack.repository import POSTGRES_SQL
from local_stack.schema import schema_owners
from local_stack.testing import StackDatabase
from sync_common.contracts.stack import SERVICES, Service
from sync_common.contracts.topics import OAUTH_GATEWAY, RECORD_WRITER, SHOPIFY_FETCHER

OWNERS = schema_owners()
GATEWAY = SERVICES[OAUTH_GATEWAY]
SCHEMAS = [service.schema for service in OWNERS]
TENANT_TABLES = """
    SELECT n.nspname AS schema, c.oid::regclass::text AS name, c.relrowsecurity, c.relforcerowsecurity
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'advertiser_id' AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p') AND n.nspname = ANY (%s)
"""
POLICIES = """
    SELECT schemaname || '.' || tablename AS name, policyname AS policy, permissive, cmd, qual, with_check,
           ARRAY(SELECT unnest(roles)::text ORDER BY 1) AS roles
    FROM pg_policies
"""
RELATIONS = """
    SELECT n.nspname AS schema, n.nspname || '.' || c.relname AS name, c.relkind AS kind,
           has_any_column_privilege(%(role)s, c.oid, 'SELECT') AS reads,
           has_table_privilege(%(role)s, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') AS writes
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
      AND NOT c.relispartition
"""


def query(database: StackDatabase, statement: str, parameters: Any = None) -> list[dict[str, Any]]:
    with psycopg.connect(database.url(), row_factory=dict_row) as connection:
        return connection.execute(statement.encode(), parameters).fetchall()


def test_every_tenant_table_has_forced_row_security(catalogue: StackDatabase) -> None:
    tables = query(catalogue, TENANT_TABLES, [SCHEMAS])

    assert len(tables) >= 12
    assert [t["name"] for t in tables if not (t["relrowsecurity"] and t["relforcerowsecurity"])] == []


def test_policies_show_a_tenant_its_own_rows_and_workers_those_of_their_schema(
    catalogue: StackDatabase,
) -> None:
    tables = {table["name"] for table in query(catalogue, TENANT_TABLES, [SCHEMAS])}
    policies = query(catalogue, POLICIES)

    assert {(row.pop("name"), row.pop("policy")): row for row in policies} == {
        (name, policy): {"permissive": "PERMISSIVE", "with_check": None, **row}
        for service in OWNERS
        for name in tables | {"gateway.advertisers"}
        if name.startswith(f"{service.schema}.")
        for policy, row in _policies(service, name).items()
    }


def _policies(service: Service, table: str) -> dict[str, dict[str, Any]]:
    """Return the policies a table should have: the tenant's where its role reads it, and the workers'."""
    key = "id" if table == "gateway.advertisers" else "advertiser_id"
    own = f"({key} = tenancy.current_id())"
    every = {"cmd": "ALL", "qual": "true", "with_check": "true"}
    if service is GATEWAY:
        return {
            "tenant": {"cmd": "ALL", "qual": own, "with_check": own, "roles": [service.runtime_role]},
            "worker": {**every, "roles": [service.migration_role]},
        }
    worker = {**every, "roles": [service.migration_role, service.runtime_role]}
    if table not in GATEWAY.reads:
        return {"worker": worker}
    return {"tenant": {"cmd": "SELECT", "qual": own, "roles": [GATEWAY.runtime_role]}, "worker": worker}


def test_every_key_of_a_tenant_table_contains_the_advertiser(catalogue: StackDatabase) -> None:
    """Was: the keys of compliance receipts did not, and a test that looked at one schema did not see it."""
    tables = [table["name"] for table in query(catalogue, TENANT_TABLES, [SCHEMAS])]
    keys = query(
        catalogue,
        """SELECT pg_get_indexdef(indexrelid) AS key FROM pg_index
           WHERE indisunique AND indrelid = ANY (%(tables)s::regclass[])
             AND NOT EXISTS (SELECT FROM pg_attribute
                             WHERE attrelid = indrelid AND attname = 'advertiser_id' AND attnum = ANY (indkey))
           UNION ALL
           SELECT pg_get_constraintdef(oid) FROM pg_constraint
           WHERE contype = 'f' AND conrelid = ANY (%(tables)s::regclass[]) AND confrelid = ANY (%(tables)s::regclass[])
             AND NOT EXISTS (SELECT FROM pg_attribute
                             WHERE attrelid = conrelid AND attname = 'advertiser_id' AND attnum = ANY (conkey))""",
        {"tables": tables},
    )

    assert keys == []


def test_published_views_are_barriers_or_leave_it_to_row_security(catalogue: StackDatabase) -> None:
    views = query(
        catalogue,
        """SELECT n.nspname || '.' || c.relname AS name, coalesce(c.reloptions, '{}') AS options
           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE c.relkind = 'v' AND n.nspname = ANY (%s)""",
        [[*SCHEMAS, "public"]],
    )

    assert len(views) >= 12
    open_views = [v for v in views if "security_barrier=true" not in v["options"]]
    assert {v["name"] for v in open_views} == {"public.contacts", "public.orders", "public.products"}
    assert [v["name"] for v in open_views if "security_invoker=true" not in v["options"]] == []


@pytest.mark.parametrize("service", OWNERS, ids=lambda service: service.name)
def test_runtime_role_reads_its_schema_and_the_views_granted_by_name(
    catalogue: StackDatabase, service: Service
) -> None:
    relations = query(catalogue, RELATIONS, {"role": service.runtime_role})

    foreign = {r["name"] for r in relations if r["reads"] and r["schema"] != service.schema}
    written = {r["name"] for r in relations if r["writes"] and r["schema"] != service.schema}
    own = [r for r in relations if r["schema"] == service.schema and r["kind"] == "r"]

    assert foreign == set(service.reads)
    assert written == set()
    assert [r["name"] for r in own if not r["reads"]] == [f"{service.schema}.alembic_version"]


def test_only_the_fetcher_reads_credentials(catalogue: StackDatabase) -> None:
    readers = query(
        catalogue,
        """SELECT rolname FROM pg_roles WHERE rolname LIKE 'svc\\_%%'
           AND has_any_column_privilege(rolname, 'fetcher.credentials', 'SELECT')""",
    )

    assert [row["rolname"] for row in readers] == [SERVICES[SHOPIFY_FETCHER].runtime_role]


def test_no_role_of_ours_is_above_row_security(catalogue: StackDatabase) -> None:
    powerful = query(
        catalogue,
        """SELECT rolname FROM pg_roles
           WHERE (rolname LIKE 'svc\\_%%' OR rolname LIKE 'migrate\\_%%' OR rolname = 'every_tenant')
             AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)""",
    )

    assert powerful == []


@pytest.mark.parametrize("service", OWNERS, ids=lambda service: service.name)
def test_runtime_role_cannot_change_the_schema(catalogue: StackDatabase, service: Service) -> None:
    with psycopg.connect(catalogue.url_of(service.name), autocommit=True) as connection:
        for statement in (
            f"CREATE TABLE {service.schema}.intruder (x int)",
            "CREATE TABLE public.intruder (x int)",
            f"DROP SCHEMA {service.schema} CASCADE",
            "SET ROLE postgres",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())


def test_workers_alone_see_every_tenant(catalogue: StackDatabase) -> None:
    members = query(
        catalogue,
        """SELECT rolname FROM pg_roles
           WHERE pg_has_role(oid, 'every_tenant', 'member') AND NOT rolsuper AND rolname <> 'every_tenant'
             AND rolname NOT LIKE 'pg\\_%%'""",
    )

    assert {row["rolname"] for row in members} == {
        service.runtime_role for service in OWNERS if not service.serves_tenants
    }


def test_functions_that_see_every_tenant_are_the_gateways_alone(catalogue: StackDatabase) -> None:
    functions = query(
        catalogue,
        """SELECT proname AS name, proconfig AS settings,
                  ARRAY(SELECT rolname::text FROM pg_roles
                        WHERE rolname LIKE 'svc\\_%%' AND has_function_privilege(rolname, p.oid, 'EXECUTE')) AS callers
           FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname = ANY (%s) AND prosecdef""",
        [SCHEMAS],
    )

    own = {"settings": ["search_path=pg_catalog"], "callers": [GATEWAY.runtime_role]}
    assert {row.pop("name"): row for row in functions} == dict.fromkeys(
        ("memberships_of", "find_invitation", "take_oauth_state", "prune_oauth_states", "found_advertiser"),
        own,
    )


@pytest.mark.parametrize(
    ("service", "evidence"),
    [
        (RECORD_WRITER, "records.compliance_receipts"),
        (RECORD_WRITER, "records.access_log"),
        (OAUTH_GATEWAY, "gateway.data_access"),
    ],
)
def test_runtime_roles_cannot_change_or_delete_evidence(
    catalogue: StackDatabase, service: str, evidence: str
) -> None:
    """Was: default privileges let the writer rewrite what proves that it erased and who looked."""
    rights = query(
        catalogue,
        """SELECT privilege, has_table_privilege(%s, %s, privilege) AS held
           FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS privilege""",
        [SERVICES[service].runtime_role, evidence],
    )

    assert {row["privilege"] for row in rights if row["held"]} == {"SELECT", "INSERT"}


def test_writer_alone_makes_temporary_tables(catalogue: StackDatabase, template_database: str) -> None:
    """Was: everybody could, whatever was granted. Copies do not inherit rights on a database: its template is asked."""
    makers = query(
        catalogue,
        """SELECT rolname FROM pg_roles
           WHERE rolname LIKE 'svc\\_%%' AND has_database_privilege(rolname, %s, 'TEMPORARY')""",
        [template_database],
    )

    assert [row["rolname"] for row in makers] == [SERVICES[RECORD_WRITER].runtime_role]


def test_published_views_are_replaced_in_place_and_give_up_soon_where_they_are_read(
    catalogue: StackDatabase,
) -> None:
    """Was: dropped and made anew, without a limit, so that a deployment and a long read stopped all other readers."""
    published = (POSTGRES_SQL / "published.sql").read_bytes()
    identity = "SELECT 'public.sync_jobs'::regclass::oid AS oid"
    before = query(catalogue, identity)

    with psycopg.connect(catalogue.url(), autocommit=True) as deployment:
        deployment.execute(published)
        with psycopg.connect(catalogue.url()) as reader:
            reader.execute("SELECT FROM public.sync_jobs")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                deployment.execute(published)

    assert query(catalogue, identity) == before


@pytest.mark.parametrize("service", OWNERS, ids=lambda service: service.name)
def test_locks_of_a_process_that_is_frozen_or_gone_are_let_go(
    catalogue: StackDatabase, service: Service
) -> None:
    """Before a job's lease is over: else whoever takes over would wait for as long as the network keeps faith."""
    with psycopg.connect(catalogue.url_of(service.name)) as connection:
        found = connection.execute("SHOW idle_in_transaction_session_timeout").fetchone()

    assert found == ("20s",)
