"""The inbox: an event has an effect once per consumer, whatever commits."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import MetaData, Table, text

from sync_common.bus.inbox import first_time, forget, inbox_ddl, inbox_table
from sync_common.db import Database

NOW = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)


@pytest.fixture
async def table(database: Database) -> Table:
    async with database.transaction() as tx:
        await tx.execute(text("CREATE SCHEMA notify"))
        await tx.execute(text(inbox_ddl("notify")))
    return inbox_table(MetaData(), "notify")


async def test_event_is_new_once_per_consumer(database: Database, table: Table) -> None:
    async with database.transaction() as tx:
        first = await first_time(tx, table, "event-1", "notifier", NOW)
    async with database.transaction() as tx:
        again = await first_time(tx, table, "event-1", "notifier", NOW)
        for_another = await first_time(tx, table, "event-1", "gateway", NOW)

    assert (first, again, for_another) == (True, False, True)


async def test_rolled_back_event_is_new_again(database: Database, table: Table) -> None:
    async with database.transaction() as tx:
        await first_time(tx, table, "event-1", "notifier", NOW)
        await tx.rollback()

    async with database.transaction() as tx:
        assert await first_time(tx, table, "event-1", "notifier", NOW)


async def test_old_entries_are_forgotten(database: Database, table: Table) -> None:
    async with database.transaction() as tx:
        await first_time(tx, table, "old", "notifier", NOW - timedelta(days=30))
        await first_time(tx, table, "new", "notifier", NOW)

        assert await forget(tx, table, NOW - timedelta(days=29)) == 1
        assert not await first_time(tx, table, "new", "notifier", NOW)
