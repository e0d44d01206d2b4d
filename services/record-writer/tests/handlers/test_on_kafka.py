"""The service's own consumers on a real broker: what is set aside, what is sent on, what is held how long."""

import asyncio
from contextlib import asynccontextmanager

import msgspec
import psycopg
from aiokafka import AIOKafkaConsumer

from record_writer.main import build_consumers
from record_writer.metrics import REGISTRY
from record_writer.restore import reapply_redactions
from record_writer.settings import Settings
from record_writer.store.tables import outbox
from sync_common.bus import OutboxRelay, Producer, ensure_topics
from sync_common.contracts.resources import Resource
from sync_common.contracts.topics import COMPLIANCE_TOPIC, TOPICS, dead_letter_topic, live_topic

DEADLINE_SECONDS = 30
TOPIC = live_topic(Resource.ORDERS)


@asynccontextmanager
async def running(world, bootstrap, prefix, messages, **scope):
    """Run the one consumer of a lane and the relay over messages that are there already."""
    settings = Settings(
        kafka_bootstrap=bootstrap,
        database_url="postgresql://unused",
        redaction_key="a secret of the tests, long enough",
        **scope,
    )
    topics = {message.topic for message in messages} | {"refetch.requested.v1"}
    await ensure_topics(bootstrap, prefix, topics=[TOPICS[topic] for topic in topics])
    producer = Producer(bootstrap, "test", topic_prefix=prefix)
    await producer.start()
    for message in messages:
        await producer.send(message.topic, b"one partition, in order", message.value, message.headers)
    stop = asyncio.Event()
    (consumer,) = build_consumers(settings, world.database, producer).values()
    relay = OutboxRelay(world.database, outbox, producer, interval=0.05, registry=REGISTRY)
    tasks = [asyncio.create_task(consumer.run(stop)), asyncio.create_task(relay.run(stop))]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)
        await producer.stop()


async def appears(world, statement):
    """Wait until a row is there for everybody to see."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not await world.rows(statement):  # noqa: ASYNC110 - a row has no event to wait for
            await asyncio.sleep(0.05)


async def first_of(bootstrap, topic):
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        return await asyncio.wait_for(consumer.getone(), DEADLINE_SECONDS)
    finally:
        await consumer.stop()


async def test_batch_from_kafka_is_written_its_poison_is_set_aside_and_its_hint_is_sent(
    world, kafka_bootstrap, topic_prefix
):
    good = world.webhook("orders/create", world.rest_order(100), 1)
    poison = world.webhook("orders/create", world.rest_order(101, total_price=None), 1)
    hint = world.webhook("refunds/create", {"id": 5, "order_id": 102}, 1)
    batch = [world.message(raw) for raw in (good, poison, hint)]

    async with running(world, kafka_bootstrap, topic_prefix, batch, lanes={"live"}, resources={"orders"}):
        dead = await first_of(kafka_bootstrap, topic_prefix + dead_letter_topic(TOPIC, "record-writer"))
        asked = await first_of(kafka_bootstrap, topic_prefix + "refetch.requested.v1")
        await appears(world, "SELECT FROM records.orders WHERE external_id = '100'")

    assert msgspec.json.decode(dead.value)["id"] == 101
    assert msgspec.json.decode(asked.value)["record_ids"] == ["102"]


async def test_redaction_does_not_hold_its_shop_while_the_next_one_waits(
    world, kafka_bootstrap, topic_prefix
):
    """Requests that were handled as one batch held the shops of all, and no record was written meanwhile."""
    requests = [
        world.request("customers/redact", {"customer": {"id": 1}}, 1, shop=shop)
        for shop in ("acme.myshopify.com", "other.myshopify.com")
    ]
    hold = "SELECT pg_advisory_lock(8193, hashtext('other.myshopify.com') & 1023)"

    async with await psycopg.AsyncConnection.connect(world.url, autocommit=True) as batch:
        await batch.execute(hold)
        async with running(world, kafka_bootstrap, topic_prefix, requests, lanes={"compliance"}):
            try:
                await appears(world, "SELECT FROM records.compliance_receipts WHERE store_id = 1")
            finally:
                await batch.execute("SELECT pg_advisory_unlock_all()")
            await appears(world, "SELECT FROM records.compliance_receipts WHERE store_id = 3")


async def test_restored_database_is_redacted_before_it_serves(world, kafka_bootstrap, topic_prefix):
    """Positions are in Kafka: after a restore nobody would read again what was asked for since the backup."""
    customers, orders = Resource.CUSTOMERS, Resource.ORDERS
    await world.write(*(world.read(customers, world.graphql_customer(n), 1) for n in (1, 2)))
    await world.write(*(world.read(orders, world.graphql_order(99 + n, customer=n), 1) for n in (1, 2)))
    await world.write(
        world.read(customers, world.graphql_customer(3), 1, store_id=3, shop="other.myshopify.com")
    )
    await ensure_topics(kafka_bootstrap, topic_prefix, topics=[TOPICS[COMPLIANCE_TOPIC]])
    producer = Producer(kafka_bootstrap, "test", topic_prefix=topic_prefix)
    await producer.start()
    for request in (
        world.request("customers/redact", {"customer": {"id": 1}}, 10),
        world.request("customers/redact", {"customer": "unreadable"}, 10),
        world.request("shop/redact", {}, 3600, shop="other.myshopify.com"),
    ):
        await producer.send(COMPLIANCE_TOPIC, b"shop", request.value, request.headers)
    await producer.stop()

    for _ in range(2):
        await reapply_redactions(
            world.database, kafka_bootstrap, world.hasher, world.clock, topic_prefix=topic_prefix
        )

    assert await world.rows("SELECT external_id FROM records.contacts WHERE source_id IN (1, 3)") == [
        {"external_id": "2"}
    ]
    assert (await world.row("orders", 100))["email"] is None
    await world.write(world.read(customers, world.graphql_customer(1), 99))
    assert await world.row("contacts", 1) == {}
