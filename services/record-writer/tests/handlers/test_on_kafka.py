"""The service's own consumers on a real broker: dead letters beside good records, and refetches sent by the relay."""

import asyncio
from contextlib import asynccontextmanager

import msgspec
from aiokafka import AIOKafkaConsumer

from record_writer.main import build_consumers
from record_writer.metrics import REGISTRY
from record_writer.settings import Settings
from record_writer.store.tables import outbox
from sync_common.bus import OutboxRelay, Producer, ensure_topics
from sync_common.contracts.records import record_key
from sync_common.contracts.resources import Resource
from sync_common.contracts.topics import TOPICS, dead_letter_topic, live_topic

DEADLINE_SECONDS = 30
TOPIC = live_topic(Resource.ORDERS)


@asynccontextmanager
async def running(world, bootstrap, prefix):
    settings = Settings(
        kafka_bootstrap=bootstrap,
        database_url="postgresql://unused",
        redaction_key="a secret of the tests, long enough",
        lanes={"live"},
        resources={"orders"},
    )
    await ensure_topics(bootstrap, prefix, topics=[TOPICS[TOPIC], TOPICS["refetch.requested.v1"]])
    producer = Producer(bootstrap, "test", topic_prefix=prefix)
    await producer.start()
    stop = asyncio.Event()
    (consumer,) = build_consumers(settings, world.database, producer).values()
    relay = OutboxRelay(world.database, outbox, producer, interval=0.05, registry=REGISTRY)
    tasks = [asyncio.create_task(consumer.run(stop)), asyncio.create_task(relay.run(stop))]
    yield producer
    stop.set()
    await asyncio.gather(*tasks)
    await producer.stop()


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

    async with running(world, kafka_bootstrap, topic_prefix) as producer:
        for raw in (good, poison, hint):
            await producer.send(
                TOPIC, record_key(raw.shop, raw.record_id), raw.body, raw.envelope().to_headers()
            )
        dead = await first_of(kafka_bootstrap, topic_prefix + dead_letter_topic(TOPIC, "record-writer"))
        asked = await first_of(kafka_bootstrap, topic_prefix + "refetch.requested.v1")
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not await world.row("orders", 100):  # noqa: ASYNC110 - a row has no event to wait for
                await asyncio.sleep(0.05)

    assert msgspec.json.decode(dead.value)["id"] == 101
    assert msgspec.json.decode(asked.value)["record_ids"] == ["102"]
