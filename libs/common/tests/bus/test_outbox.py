"""The outbox: sent if and only if committed, in order per key, at least once under one id."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import MetaData, Table, func, select, text, update

from sync_common.bus import DeliveryFailed, Message, OutboxRelay, outbox
from sync_common.bus.outbox import outbox_ddl, outbox_table
from sync_common.contracts.envelope import Envelope
from sync_common.contracts.events import SyncRequested
from sync_common.db import Database, Transaction

NOW = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)


class StoreSynced(SyncRequested):
    """An event on a topic of the test's own; `store_id` is its key, `requested_by_user_id` its number."""


@pytest.fixture
async def topic(bus: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    name = await bus.topic(partitions=2)
    monkeypatch.setattr(StoreSynced, "TOPIC", name)
    return str(name)


@pytest.fixture
async def table(database: Database) -> Table:
    async with database.transaction() as tx:
        await tx.execute(text("CREATE SCHEMA sync"))
        await tx.execute(text(outbox_ddl("sync")))
    return outbox_table(MetaData(), "sync")


@pytest.fixture
async def relay(bus: Any, database: Database, table: Table) -> OutboxRelay:
    return OutboxRelay(database, table, await bus.producer(), interval=0.02)


async def owe(database: Database, table: Table, *, store: int, number: int) -> str:
    async with database.transaction() as tx:
        return await outbox.publish(tx, table, _event(store, number), source="test", now=NOW)


async def test_committed_event_is_sent_with_its_envelope(
    bus: Any, database: Database, table: Table, topic: str, relay: OutboxRelay
) -> None:
    event_id = await owe(database, table, store=7, number=1)

    assert await relay.send_round() == 1

    [message] = await bus.read(topic, 1)
    assert (message.key, message.event(StoreSynced)) == (b"store/7", _event(7, 1))
    assert message.envelope() == Envelope(
        id=event_id, type="sync.requested", source="test", subject="store/7", time=NOW
    )
    assert await relay.send_round() == 0


async def test_event_carries_on_the_lineage_of_its_cause(
    bus: Any, database: Database, table: Table, topic: str, relay: OutboxRelay
) -> None:
    lineage = {"correlationid": "c0", "traceparent": "00-1-2-01"}
    cause = Envelope(id="c1", type="x", source="s", subject="store/7", time=NOW, extensions=lineage)
    async with database.transaction() as tx:
        await outbox.publish(tx, table, _event(7, 1), source="test", now=NOW, causation=cause)

    await relay.send_round()

    [message] = await bus.read(topic, 1)
    assert message.envelope().extensions == {"causationid": "c1", **lineage}


async def test_event_of_a_rolled_back_transaction_is_never_sent(
    database: Database, table: Table, topic: str, relay: OutboxRelay
) -> None:
    async with database.transaction() as tx:
        await outbox.publish(tx, table, _event(7, 1), source="test", now=NOW)
        await tx.rollback()

    assert await relay.send_round() == 0


async def test_two_relays_send_each_row_once_and_keep_the_order_of_each_key(
    bus: Any, database: Database, table: Table, topic: str
) -> None:
    producer = await bus.producer()
    relays = [OutboxRelay(database, table, producer, interval=0.01) for _ in range(2)]
    for number in range(20):
        async with database.transaction() as tx:
            for store in range(10):
                await outbox.publish(tx, table, _event(store, number), source="test", now=NOW)

    async with _running(relays):
        await _until_all_sent(bus, database, table)

    messages = await bus.read(topic, 200)
    assert len({message.envelope().id for message in messages}) == len(messages) == 200
    for store in range(10):
        numbers = [m.event(StoreSynced).requested_by_user_id for m in messages if _store(m) == store]
        assert numbers == list(range(20))


async def test_row_behind_one_that_another_relay_holds_waits(
    database: Database, table: Table, topic: str, relay: OutboxRelay
) -> None:
    """Skipping the locked first row must not let the second one overtake it."""
    await owe(database, table, store=7, number=1)
    await owe(database, table, store=7, number=2)
    await owe(database, table, store=8, number=1)

    async with database.transaction() as other_relay:
        await other_relay.execute(select(table).where(table.c.id == 1).with_for_update())
        assert await relay.send_round() == 1
        assert await relay.send_round() == 0

    assert await relay.send_round() == 1
    assert await relay.send_round() == 1


async def test_transaction_that_commits_late_is_not_skipped(
    bus: Any, database: Database, table: Table, topic: str, relay: OutboxRelay
) -> None:
    async with database.transaction() as late:
        await outbox.publish(late, table, _event(7, 1), source="test", now=NOW)
        await owe(database, table, store=8, number=2)
        assert await relay.send_round() == 1

    assert await relay.send_round() == 1
    assert {_store(message) for message in await bus.read(topic, 2)} == {7, 8}


async def test_kill_between_send_and_mark_sends_again_under_the_same_id(
    bus: Any,
    database: Database,
    table: Table,
    topic: str,
    relay: OutboxRelay,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    event_id = await owe(database, table, store=7, number=1)
    producer = await bus.producer()
    acknowledged = asyncio.Event()
    make_batch = producer.batch

    def batch_that_never_returns() -> Any:
        batch = make_batch()
        flush = batch.flush

        async def flush_and_hang() -> None:
            await flush()
            acknowledged.set()
            await asyncio.Event().wait()

        batch.flush = flush_and_hang
        return batch

    monkeypatch.setattr(producer, "batch", batch_that_never_returns)
    doomed = asyncio.create_task(OutboxRelay(database, table, producer).send_round())
    await acknowledged.wait()
    doomed.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await doomed

    assert await relay.send_round() == 1
    assert [message.envelope().id for message in await bus.read(topic, 2)] == [event_id, event_id]


async def test_row_stays_unsent_while_kafka_is_away(
    bus: Any, database: Database, table: Table, topic: str, network: Any
) -> None:
    await owe(database, table, store=7, number=1)
    producer = await bus.producer(delivery_timeout_seconds=0.5)
    relay = OutboxRelay(database, table, producer, interval=0.02)
    await producer.partitions(topic)

    network.cut()
    with pytest.raises(DeliveryFailed):
        await relay.send_round()
    assert await _unsent(database, table) == 1

    network.heal()
    async with _running([relay]):
        await _until_all_sent(bus, database, table)


async def test_server_that_is_read_only_is_waited_out(
    bus: Any, empty_database: str, database: Database, table: Table, topic: str
) -> None:
    """As it is during a failover; it used to end the service."""

    class Standby(Database):
        rounds, promoted = 0, False

        @contextlib.asynccontextmanager
        async def transaction(self, *, advertiser_id: int | None = None) -> AsyncIterator[Transaction]:
            self.rounds += 1
            async with super().transaction(advertiser_id=advertiser_id) as tx:
                if not self.promoted:
                    await tx.execute(text("SET TRANSACTION READ ONLY"))
                yield tx

    standby = Standby.from_url(empty_database, application_name="standby")
    await owe(database, table, store=7, number=1)

    async with _running([OutboxRelay(standby, table, await bus.producer(), interval=0.01)]):
        await bus.until(lambda: standby.rounds >= 2)
        standby.promoted = True
        await _until_all_sent(bus, database, table)
    await standby.close()


async def test_round_that_hangs_is_given_up_and_repeated(
    bus: Any, database: Database, table: Table, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A locked table, or a client that never takes the record, used to hold the relay for ever."""
    monkeypatch.setattr("sync_common.bus.outbox._ROUND_SECONDS", 0.5)
    waits = asyncio.Event()
    monkeypatch.setattr("sync_common.bus.outbox.log", SimpleNamespace(warning=lambda *_, **__: waits.set()))
    await owe(database, table, store=7, number=1)

    relay = OutboxRelay(database, table, await bus.producer(), interval=0.01)

    async with contextlib.AsyncExitStack() as migration:
        tx = await migration.enter_async_context(database.transaction())
        await tx.execute(text("LOCK TABLE sync.outbox IN ACCESS EXCLUSIVE MODE"))
        async with _running([relay]):
            await waits.wait()
            await migration.aclose()
            await _until_all_sent(bus, database, table)


async def test_age_of_the_oldest_row_shows_while_kafka_is_away(
    bus: Any, database: Database, table: Table, topic: str, network: Any
) -> None:
    registry = CollectorRegistry()
    producer = await bus.producer(delivery_timeout_seconds=0.5)
    relay = OutboxRelay(database, table, producer, registry=registry)
    await owe(database, table, store=7, number=1)
    async with database.transaction() as tx:
        an_hour_ago = func.clock_timestamp() - text("interval '1 hour'")
        await tx.execute(update(table).values(created_at=an_hour_ago))

    network.cut()
    with pytest.raises(DeliveryFailed):
        await relay.send_round()
    network.heal()

    age = registry.get_sample_value("bus_outbox_oldest_seconds", {"table": "sync.outbox"})
    assert age is not None
    assert age >= 3600


async def test_backlog_is_drained_without_waiting_for_the_interval(
    bus: Any, database: Database, table: Table, topic: str
) -> None:
    relay = OutboxRelay(database, table, await bus.producer(), interval=3600)
    for number in range(5):
        await owe(database, table, store=7, number=number)

    async with _running([relay]):
        await _until_all_sent(bus, database, table)


async def test_rows_sent_more_than_a_day_ago_are_pruned(
    database: Database, table: Table, topic: str, relay: OutboxRelay
) -> None:
    for number in range(3):
        await owe(database, table, store=number, number=number)
    await relay.send_round()
    await owe(database, table, store=9, number=9)
    async with database.transaction() as tx:
        old = func.clock_timestamp() - text("interval '25 hours'")
        await tx.execute(update(table).where(table.c.id == 1).values(sent_at=old))
        await tx.execute(update(table).where(table.c.id == 4).values(created_at=old))

    assert await relay.prune() == 1

    async with database.transaction() as tx:
        assert (await tx.execute(select(table.c.id).order_by(table.c.id))).scalars().all() == [2, 3, 4]


async def test_what_was_sent_is_counted(bus: Any, database: Database, table: Table, topic: str) -> None:
    registry = CollectorRegistry()
    relay = OutboxRelay(database, table, await bus.producer(), registry=registry)
    await owe(database, table, store=7, number=1)

    await relay.send_round()

    assert registry.get_sample_value("bus_outbox_sent_total", {"table": "sync.outbox"}) == 1


async def test_table_in_code_equals_the_table_of_the_migration(database: Database, table: Table) -> None:
    async with database.transaction() as tx:
        columns = await tx.execute(
            text(
                "SELECT column_name, is_nullable = 'YES' FROM information_schema.columns"
                " WHERE table_schema = 'sync' AND table_name = 'outbox'"
            )
        )

    assert {(name, nullable) for name, nullable in columns} == {
        (column.name, column.nullable) for column in table.columns
    }


def _event(store: int, number: int) -> StoreSynced:
    return StoreSynced(store_id=store, advertiser_id=1, requested_by_user_id=number)


def _store(message: Message) -> int:
    return message.event(StoreSynced).store_id


async def _unsent(database: Database, table: Table) -> int:
    async with database.transaction() as tx:
        return (await tx.execute(select(func.count()).where(table.c.sent_at.is_(None)))).scalar_one()


async def _until_all_sent(bus: Any, database: Database, table: Table) -> None:
    async with asyncio.timeout(20):
        while await _unsent(database, table):  # noqa: ASYNC110 - the signal is a row in the database
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def _running(relays: list[OutboxRelay]) -> AsyncIterator[None]:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for relay in relays:
            tasks.create_task(relay.run(stop))
        yield
        stop.set()
