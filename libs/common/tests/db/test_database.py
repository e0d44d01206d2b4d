"""Roles that defeat row-level security are refused; a transaction carries its advertiser and nothing leaks out."""

import asyncio
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from local_stack.platform import eventually
from local_stack.testing import StackDatabase
from sync_common.db import Database, UnsafeRole, is_transient


async def test_superuser_and_schema_owner_are_refused(stack_database: StackDatabase) -> None:
    for role in (None, "migrate_record_writer"):
        database = Database.from_url(stack_database.url(role), application_name="t")
        with pytest.raises(UnsafeRole, match="run the service as its svc_ role"):
            await database.check_role()
        await database.close()


@pytest.mark.parametrize(
    "rights",
    [
        "ALTER ROLE {role} NOSUPERUSER BYPASSRLS",
        "GRANT migrate_record_writer TO {role} WITH INHERIT FALSE",
        "CREATE TABLE public.own (x int); ALTER TABLE public.own OWNER TO {role}",
    ],
)
async def test_role_that_could_get_around_row_level_security_is_refused(
    stack_database: StackDatabase, rights: str
) -> None:
    role = f"svc_{uuid4().hex[:8]}"
    with psycopg.connect(stack_database.url(), autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {role} LOGIN".encode())
        admin.execute(rights.format(role=role).encode())
        database = Database.from_url(stack_database.url(role), application_name="t")

        with pytest.raises(UnsafeRole, match=role):
            await database.check_role()

        await database.close()
        admin.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode())


async def test_runtime_role_is_accepted(stack_database: StackDatabase) -> None:
    database = Database.from_url(stack_database.url_of("record-writer"), application_name="t")

    await database.check_role()

    async with database.transaction() as tx:
        await tx.execute(text("CREATE TEMPORARY TABLE staged (x int)"))
    await database.check_role()  # as another replica would, while this one has a batch in hand
    await database.close()


async def test_advertiser_is_set_for_its_transaction_only(stack_database: StackDatabase) -> None:
    database = Database.from_url(stack_database.url_of("oauth-gateway"), application_name="t", pool_size=1)
    current = text("SELECT tenancy.current_id()")

    async with database.transaction(advertiser_id=7) as tx:
        inside = (await tx.execute(current)).scalar_one()
    async with database.transaction() as tx:
        after = (await tx.execute(current)).scalar_one()

    assert (inside, after) == (7, None)
    await database.close()


async def test_error_rolls_everything_back(stack_database: StackDatabase) -> None:
    database = Database.from_url(stack_database.url(), application_name="t")
    async with database.transaction() as tx:
        await tx.execute(text("CREATE TABLE public.t (x int)"))

    async def insert_and_fail() -> None:
        async with database.transaction() as tx:
            await tx.execute(text("INSERT INTO public.t VALUES (1)"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await insert_and_fail()

    async with database.transaction() as tx:
        assert (await tx.execute(text("SELECT count(*) FROM public.t"))).scalar_one() == 0
    await database.close()


async def test_lost_connection_is_transient_and_bad_data_is_not(stack_database: StackDatabase) -> None:
    database = Database.from_url(stack_database.url(), application_name="t")
    errors = []
    for statement in ("SELECT pg_terminate_backend(pg_backend_pid())", "SELECT 'x'::int"):
        try:
            async with database.transaction() as tx:
                await tx.execute(text(statement))
        except Exception as error:  # noqa: BLE001 - its class is what is tested
            errors.append(error)

    assert [is_transient(error) for error in errors] == [True, False]
    assert is_transient(psycopg.errors.DeadlockDetected())
    assert not is_transient(ValueError())
    await database.close()


async def test_read_only_server_is_transient(stack_database: StackDatabase) -> None:
    """A server that had become a standby used to make every record look bad, one by one."""
    database = Database.from_url(stack_database.url(), application_name="t")

    async def write() -> None:
        async with database.transaction() as tx:
            await tx.execute(text("SET TRANSACTION READ ONLY"))
            await tx.execute(text("CREATE TABLE public.t ()"))

    with pytest.raises(DBAPIError) as caught:
        await write()

    assert is_transient(caught.value)
    assert is_transient(psycopg.errors.IdleInTransactionSessionTimeout())
    assert is_transient(psycopg.errors.TransactionTimeout())
    assert not is_transient(psycopg.errors.NoActiveSqlTransaction())
    await database.close()


async def test_connection_of_a_cancelled_task_is_closed_too(stack_database: StackDatabase) -> None:
    """A task cancelled in mid-statement used to leave its connection open for the garbage collector to complain of."""
    database = Database.from_url(stack_database.url(), application_name="cancelled")

    async def sleeps() -> None:
        async with database.transaction() as tx:
            await tx.execute(text("SELECT pg_sleep(60)"))

    tasks = [asyncio.create_task(sleeps()) for _ in range(4)]
    while count_open(stack_database) < 4:  # noqa: ASYNC110 - the server sends no signal
        await asyncio.sleep(0.02)
    for task in tasks:
        task.cancel()
    await database.close()

    # From here on the loop stands still: what is not closed by now stays open.
    eventually(lambda: count_open(stack_database) == 0, within_seconds=5, what="no connection is left")
    await asyncio.gather(*tasks, return_exceptions=True)


def count_open(stack_database: StackDatabase) -> int:
    query = """SELECT count(*) FROM pg_stat_activity
               WHERE application_name = 'cancelled' AND query LIKE '%pg_sleep%'"""
    with psycopg.connect(stack_database.url()) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])
