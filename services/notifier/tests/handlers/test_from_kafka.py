"""The whole service but its process: from Kafka to the provider's mailbox."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from notifier.handlers import on_message
from sync_common.bus import Consumer, Producer, ensure_topics, in_transaction, one_by_one
from sync_common.bus.events import event_body, event_envelope
from sync_common.contracts.events import StoreDisconnected
from sync_common.contracts.events.lifecycle import DisconnectReason
from sync_common.contracts.stack import SERVICES
from sync_common.contracts.topics import LIFECYCLE_TOPIC
from sync_common.db import is_transient

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


@pytest.fixture
async def producer(kafka_bootstrap: str, topic_prefix: str) -> AsyncIterator[Producer]:
    await ensure_topics(kafka_bootstrap, topic_prefix, topics=SERVICES["notifier"].consumes)
    producer = Producer(kafka_bootstrap, "notifier-test", topic_prefix=topic_prefix)
    yield producer
    await producer.stop()


async def test_events_on_kafka_become_mails_and_poison_is_set_aside(
    world: Any, producer: Producer, kafka_bootstrap: str
) -> None:
    registry = CollectorRegistry()
    consumer = Consumer(
        kafka_bootstrap,
        "notifier",
        [topic.name for topic in SERVICES["notifier"].consumes],
        in_transaction(world.database, one_by_one(partial(on_message, links=world.sender.links))),
        client_id="notifier-test",
        transient=is_transient,
        dead_letters=producer,
        registry=registry,
    )
    event = StoreDisconnected(
        store_id=17,
        advertiser_id=world.people.advertiser_id,
        shop_domain="acme.myshopify.com",
        installation_id=3,
        generation=2,
        reason=DisconnectReason.API_ERROR,
        disconnected_at=NOW,
    )
    await producer.send(LIFECYCLE_TOPIC, b"store/17", b"{}", [("ce_id", b"1")])
    headers = event_envelope(event, source="test", now=NOW).to_headers()
    await producer.send(LIFECYCLE_TOPIC, event.key().encode(), event_body(event), headers)

    stop = asyncio.Event()
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(consumer.run(stop))
        tasks.create_task(world.sender.run(stop))
        tasks.create_task(world.sender.keep_up(stop))
        while len(await world.mails()) < 2:  # noqa: ASYNC110 - the stub tells nobody when mail comes
            await asyncio.sleep(0.05)
        stop.set()

    assert sorted(mail["email"] for mail in await world.mails()) == ["admin@example.com", "owner@example.com"]
    labels = {"group": "notifier", "topic": LIFECYCLE_TOPIC, "error": "MalformedEnvelope"}
    assert registry.get_sample_value("bus_dead_letters_total", labels) == 1
