"""Each service's role can do its job and nothing else; every tenant table is guarded. Read from the catalogue."""

from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from local_stack.schema import schema_owners
from local_stack.testing import StackDatabase
from sync_common.contracts.stack import SERVICES, Service
from sync_common.contracts.topics import SHOPIFY_FETCHER

OWNERS = schema_owners()
SCHEMAS = [service.schema for service in OWNERS]
TENANT_TABLES = """
    SELECT c.oid::regclass::text AS name, c.relrowsecurity, c.relforcerowsecurity,
           array_agg(DISTINCT r.rolname) FILTER (WHERE r.rolname IS NOT NULL) AS bound
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'advertiser_id' AND NOT a.attisdropped
    LEFT JOIN pg_policy p ON p.polrelid = c.oid
    LEFT JOIN pg_roles r ON r.oid = ANY (p.polroles)
    WHERE c.relkind IN ('r', 'p') AND n.nspname = ANY (%s)
    GROUP BY c.oid, c.relrowsecurity, c.relforcerowsecurity
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


def test_every_tenant_table_has_forced_row_security_and_a_policy(stack_database: StackDatabase) -> None:
    tables = query(stack_database, TENANT_TABLES, [SCHEMAS])

    assert len(tables) >= 12
    unguarded = [
        t["name"] for t in tables if not (t["relrowsecurity"] and t["relforcerowsecurity"] and t["bound"])
    ]
    assert unguarded == []


def test_published_views_are_barriers(stack_database: StackDatabase) -> None:
    views = query(
        stack_database,
        """SELECT n.nspname || '.' || c.relname AS name, coalesce(c.reloptions, '{}') AS options
           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE c.relkind = 'v' AND n.nspname = ANY (%s)""",
        [[*SCHEMAS, "public"]],
    )

    assert len(views) >= 12
    assert [v["name"] for v in views if "security_barrier=true" not in v["options"]] == []


@pytest.mark.parametrize("service", OWNERS, ids=lambda service: service.name)
def test_runtime_role_reads_its_schema_and_the_views_granted_by_name(
    stack_database: StackDatabase, service: Service
) -> None:
    relations = query(stack_database, RELATIONS, {"role": service.runtime_role})

    foreign = {r["name"] for r in relations if r["reads"] and r["schema"] != service.schema}
    written = {r["name"] for r in relations if r["writes"] and r["schema"] != service.schema}
    own = [r for r in relations if r["schema"] == service.schema and r["kind"] == "r"]

    assert foreign == set(service.reads)
    assert written == set()
    assert own
    assert [r["name"] for r in own if not r["reads"] and "alembic" not in str(r["name"])] == []


def test_only_the_fetcher_reads_credentials(stack_database: StackDatabase) -> None:
    readers = query(
        stack_database,
        """SELECT rolname FROM pg_roles WHERE rolname LIKE 'svc\\_%%'
           AND has_any_column_privilege(rolname, 'fetcher.credentials', 'SELECT')""",
    )

    assert [row["rolname"] for row in readers] == [SERVICES[SHOPIFY_FETCHER].runtime_role]


def test_no_role_of_ours_is_above_row_security(stack_database: StackDatabase) -> None:
    powerful = query(
        stack_database,
        """SELECT rolname FROM pg_roles
           WHERE (rolname LIKE 'svc\\_%%' OR rolname LIKE 'migrate\\_%%' OR rolname = 'tenant_scoped')
             AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)""",
    )

    assert powerful == []


@pytest.mark.parametrize("service", OWNERS, ids=lambda service: service.name)
def test_runtime_role_cannot_change_the_schema(stack_database: StackDatabase, service: Service) -> None:
    with psycopg.connect(stack_database.url_of(service.name), autocommit=True) as connection:
        for statement in (
            f"CREATE TABLE {service.schema}.intruder (x int)",
            "CREATE TABLE public.intruder (x int)",
            f"DROP SCHEMA {service.schema} CASCADE",
            "SET ROLE postgres",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())


def test_unset_advertiser_shows_the_gateway_no_tenant_row(stack_database: StackDatabase) -> None:
    gateway = next(service for service in OWNERS if service.serves_tenants)
    with psycopg.connect(stack_database.url()) as admin:
        admin.execute("SET session_replication_role = replica")  # a lone row, without what it refers to
        admin.execute(
            """INSERT INTO records.products (advertiser_id, source_type, source_id, external_id, title)
               VALUES (1, 'ShopifyStore', 1, '1', 'Hat')"""
        )

    with psycopg.connect(stack_database.url(gateway.runtime_role)) as connection:
        unset = connection.execute("SELECT count(*) FROM records.products").fetchone()
        connection.execute("SELECT set_config('app.advertiser_id', '2', true)")
        other = connection.execute("SELECT count(*) FROM records.products").fetchone()
        connection.execute("SELECT set_config('app.advertiser_id', '1', true)")
        own = connection.execute("SELECT count(*) FROM records.products").fetchone()

    assert (unset, other, own) == ((0,), (0,), (1,))
