"""The schema that the migrations make: equal to the tables in code, closed to tenants but for the views."""

from typing import Any

import psycopg
import pytest

from local_stack.testing import StackDatabase
from sync_orchestrator.store.tables import metadata

VIEWS = ("jobs_v1", "store_state_v1", "proofs_v1", "checks_v1", "deletions_v1")


@pytest.mark.parametrize("table", sorted(metadata.tables))
def test_table_in_code_equals_the_migrated_one(admin: Any, table: str) -> None:
    schema, name = table.split(".")

    rows = admin.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s",
        [schema, name],
    ).fetchall()

    assert {row["column_name"] for row in rows} == set(metadata.tables[table].columns.keys())


def test_every_table_with_an_advertiser_is_under_forced_row_security(admin: Any) -> None:
    rows = admin.execute(
        """
        SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity AS forced
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'advertiser_id'
        WHERE c.relnamespace = 'sync'::regnamespace AND c.relkind = 'r'
        """
    ).fetchall()

    assert {row["relname"]: row["forced"] for row in rows} == dict.fromkeys(
        ("sync_jobs", "sync_job_parts", "store_state", "watermarks", "checks", "proofs", "deletions"), True
    )


@pytest.mark.parametrize("view", VIEWS)
async def test_gateway_sees_nothing_without_an_advertiser(
    store: Any, stack_database: StackDatabase, view: str
) -> None:
    await store.want()

    with psycopg.connect(stack_database.url_of("oauth-gateway")) as gateway:
        rows = gateway.execute(f"SELECT * FROM sync.{view}").fetchall()

    assert rows == []


async def test_gateway_sees_the_jobs_of_its_advertiser_only(
    store: Any, stack_database: StackDatabase
) -> None:
    await store.want()
    seen = {}

    with psycopg.connect(stack_database.url_of("oauth-gateway")) as gateway:
        for advertiser_id in (11, 12):
            gateway.execute("SELECT set_config('app.advertiser_id', %s, true)", [str(advertiser_id)])
            seen[advertiser_id] = len(gateway.execute("SELECT * FROM sync.jobs_v1").fetchall())

    assert seen == {11: 1, 12: 0}


@pytest.mark.parametrize("service", ["oauth-gateway", "record-writer", "notifier", "shopify-fetcher"])
def test_other_services_cannot_read_the_tables(stack_database: StackDatabase, service: str) -> None:
    with (
        psycopg.connect(stack_database.url_of(service)) as other,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        other.execute("SELECT * FROM sync.sync_jobs")


async def test_own_role_reads_the_views_of_its_neighbours(database: Any) -> None:
    async with database.transaction() as tx:
        for view in ("gateway.stores_v1", "fetcher.installations_v1", "records.job_books_v1"):
            assert (await tx.exec_driver_sql(f"SELECT count(*) FROM {view}")).scalar_one() == 0
