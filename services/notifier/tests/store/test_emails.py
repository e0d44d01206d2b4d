"""The table under the service's own role, and what the gateway may see of it."""

import asyncio
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from sqlalchemy import inspect

from notifier.domain.mail import Mail, Template
from notifier.store import emails
from notifier.store.tables import metadata
from sync_common.db import Database


def mail(world: Any, user_id: int = 1, **changes: Any) -> Mail:
    values = {"advertiser_id": world.people.advertiser_id, "store_id": 17, **changes}
    return Mail("event-1", Template.SYNC_FAILED, user_id, {"shop_name": "acme"}, **values)


async def test_tables_equal_the_migrations(world: Any) -> None:
    async with world.database.transaction() as tx:
        columns = await tx.run_sync(
            lambda connection: {
                table: {
                    column["name"]: column["nullable"]
                    for column in inspect(connection).get_columns(table, schema="notify")
                }
                for table in ("emails", "pace")
            }
        )

    assert columns == {
        table.name: {column.name: column.nullable for column in table.columns}
        for table in metadata.tables.values()
    }


async def test_service_runs_under_a_safe_role(world: Any) -> None:
    await world.database.check_role()


async def test_second_writer_of_a_mail_adds_nothing(world: Any) -> None:
    async with world.database.transaction() as tx:
        assert await emails.owe(tx, [mail(world, 1), mail(world, 2)]) == 2

    async with world.database.transaction() as tx:
        assert await emails.owe(tx, [mail(world, 2), mail(world, 3)]) == 1


async def test_two_senders_never_hold_one_mail(world: Any) -> None:
    async with world.database.transaction() as tx:
        await emails.owe(tx, [mail(world, 1)])

    async with world.database.transaction() as first, world.database.transaction() as second:
        claimed = await emails.claim(first, owner="a", lease_seconds=60)
        skipped = await emails.claim(second, owner="b", lease_seconds=60)

    assert claimed is not None
    assert skipped is None


async def test_tenant_sees_its_own_mails_only(world: Any, stack_database: Any) -> None:
    async with world.database.transaction() as tx:
        await emails.owe(tx, [mail(world, 1), mail(world, 1, advertiser_id=0, store_id=None)])
    gateway = Database.from_url(stack_database.url_of("oauth-gateway"), application_name="test", pool_size=1)

    async def seen(advertiser_id: int | None) -> int:
        async with gateway.transaction(advertiser_id=advertiser_id) as tx:
            rows = await tx.exec_driver_sql("SELECT email_id FROM notify.emails_v1")
            return len(rows.all())

    try:
        counts = [await seen(each) for each in (world.people.advertiser_id, 4711, None)]
    finally:
        await gateway.close()

    assert counts == [1, 0, 0]


async def test_table_itself_is_closed_to_the_gateway(world: Any, stack_database: Any) -> None:
    with (
        psycopg.connect(stack_database.url_of("oauth-gateway")) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("SELECT * FROM notify.emails")


async def test_settled_mails_are_deleted_when_old(world: Any) -> None:
    async with world.database.transaction() as tx:
        await emails.owe(tx, [mail(world, user) for user in (1, 2, 3)])
    world.run("UPDATE notify.emails SET state = 'failed' WHERE recipient_user_id > 1")
    world.run(
        "UPDATE notify.emails SET updated_at = clock_timestamp() - interval '91 days'"
        " WHERE recipient_user_id < 3"
    )

    async with world.database.transaction() as tx:
        deleted = await emails.prune(tx)

    assert deleted == 1
    assert [row["recipient_user_id"] for row in world.rows()] == [1, 3]


async def test_backlog_tells_how_long_the_oldest_is_due(world: Any) -> None:
    async with world.database.transaction() as tx:
        await emails.owe(tx, [mail(world, 1), mail(world, 2)])
    world.run("UPDATE notify.emails SET due_at = clock_timestamp() - interval '90 seconds'")

    async with world.database.transaction() as tx:
        waiting = await emails.backlog(tx)

    assert waiting.pending == 2
    assert 90 <= waiting.oldest_due_seconds < 120


async def test_replicas_share_one_pace(world: Any) -> None:
    async def turn() -> float:
        async with world.database.transaction() as tx:
            return await emails.take_turn(tx, spacing_seconds=100)

    waits = sorted(await asyncio.gather(*(turn() for _ in range(4))))

    assert waits[0] == 0
    assert [round(later - earlier, -1) for earlier, later in pairwise(waits)] == [100, 100, 100]


async def test_moments_that_nobody_took_are_not_made_up_for(world: Any) -> None:
    world.run("UPDATE notify.pace SET free_at = clock_timestamp() - interval '1 hour'")

    waits = []
    for _ in range(3):
        async with world.database.transaction() as tx:
            waits.append(round(await emails.take_turn(tx, spacing_seconds=100), -1))

    assert waits == [0, 100, 200]
