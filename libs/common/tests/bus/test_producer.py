"""The producer: acknowledged means stored, and a deadline is a deadline."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest

from sync_common.bus import DeliveryFailed, MessageTooLarge
from sync_common.bus.topics import message_size_limit

HANGS_SECONDS = 10.0  # a deadline of one second that held is told from none even on a busy machine


async def test_acknowledged_record_can_be_read(bus: Any) -> None:
    topic = await bus.topic()
    producer = await bus.producer()

    await producer.send(topic, b"key", b"value", [("ce_id", b"1")])

    [message] = await bus.read(topic, 1)
    assert (message.topic, message.key, message.value) == (topic, b"key", b"value")
    assert list(message.headers) == [("ce_id", b"1")]


async def test_flush_delivers_everything_enqueued_in_order(bus: Any) -> None:
    topic = await bus.topic()
    producer = await bus.producer()
    values = [str(number).encode() for number in range(5000)]

    batch = producer.batch()
    for value in values:
        await batch.enqueue(topic, b"key", value, [])
    await batch.flush()

    assert [message.value for message in await bus.read(topic, 5000)] == values


async def test_records_that_come_while_a_batch_is_away_travel_together(
    bus: Any, network: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = await bus.topic()
    producer = await bus.producer()
    client, batches = producer._connection.current.client, []

    async def send_batch(batch: Any, *args: Any, **options: Any) -> Any:
        batches.append(batch.record_count())
        return await type(client).send_batch(client, batch, *args, **options)

    await producer.partitions(topic)
    monkeypatch.setattr(client, "send_batch", send_batch)
    network.stall()
    async with asyncio.TaskGroup() as sends:
        sends.create_task(producer.send(topic, b"key", b"first", []))
        await bus.until(lambda: batches == [1])
        for value in bus.numbers(0, 200):
            sends.create_task(producer.send(topic, b"key", value, []))
        network.heal()

    assert batches == [1, 200]


async def test_more_than_a_batch_holds_arrives_in_order(bus: Any) -> None:
    topic = await bus.topic()
    producer = await bus.producer()
    values = [number.to_bytes(2) * 10_000 for number in range(100)]  # 2 MB, in batches of 256 KiB

    await (await _enqueue(producer, topic, values)).flush()

    assert [message.value for message in await bus.read(topic, len(values))] == values


async def test_caller_who_gives_up_takes_no_neighbour_along(bus: Any, network: Any) -> None:
    topic = await bus.topic()
    producer = await bus.producer()
    await producer.partitions(topic)

    network.stall()
    sends = [asyncio.create_task(producer.send(topic, b"key", value, [])) for value in bus.numbers(0, 10)]
    await bus.until(lambda: producer._connection.current._queues)
    sends[3].cancel()
    network.heal()
    results = await asyncio.gather(*sends, return_exceptions=True)

    assert [type(result) for result in results].count(asyncio.CancelledError) == 1
    assert results.count(None) == 9


async def test_partition_named_by_the_caller_is_used(bus: Any) -> None:
    topic = await bus.topic(partitions=3)
    producer = await bus.producer()

    for partition in range(await producer.partitions(topic)):
        await producer.send(topic, b"same key", b"mark", [], partition)

    assert {message.partition for message in await bus.read(topic, 3)} == {0, 1, 2}


@pytest.mark.parametrize("fault", ["cut", "stall"])
async def test_send_fails_at_its_deadline_and_the_producer_recovers(
    bus: Any, network: Any, fault: str
) -> None:
    topic = await bus.topic()
    producer = await bus.producer(delivery_timeout_seconds=1.0)
    await producer.send(topic, b"key", b"before", [])

    getattr(network, fault)()
    started = time.monotonic()
    with pytest.raises(DeliveryFailed):
        await producer.send(topic, b"key", b"during", [])
    assert time.monotonic() - started < HANGS_SECONDS

    network.heal()
    await _send_until_delivered(producer, topic, b"after")
    values = [message.value for message in await bus.read(topic, 2)]
    assert values[0] == b"before"
    assert b"after" in values or b"during" in values


async def test_flush_fails_at_its_deadline_when_records_are_lost(bus: Any, network: Any) -> None:
    topic = await bus.topic()
    producer = await bus.producer(delivery_timeout_seconds=1.0)
    await producer.partitions(topic)

    network.stall()
    batch = producer.batch()
    for number in range(10):
        await batch.enqueue(topic, b"key", str(number).encode(), [])
    started = time.monotonic()
    with pytest.raises(DeliveryFailed):
        await batch.flush()

    assert time.monotonic() - started < HANGS_SECONDS
    network.heal()
    await _send_until_delivered(producer, topic, b"after")


async def test_enqueue_waits_for_a_full_batch_no_longer_than_its_deadline(bus: Any, network: Any) -> None:
    topic = await bus.topic()
    producer = await bus.producer(delivery_timeout_seconds=1.0)
    await producer.partitions(topic)

    network.stall()
    with pytest.raises(DeliveryFailed):
        await _enqueue(producer, topic, [bytes(100_000)] * 100)

    network.heal()
    await _send_until_delivered(producer, topic, b"after")


async def test_stop_takes_effect_while_kafka_is_away(bus: Any, network: Any) -> None:
    topic = await bus.topic()
    producer = await bus.producer(delivery_timeout_seconds=2.0)
    await producer.partitions(topic)

    network.stall()
    await producer.batch().enqueue(topic, b"key", b"value", [])

    async with asyncio.timeout(HANGS_SECONDS):
        await producer.stop()
    network.heal()


async def test_start_fails_at_its_deadline_when_no_broker_answers(bus: Any, network: Any) -> None:
    network.cut()

    with pytest.raises(DeliveryFailed):
        await bus.producer(delivery_timeout_seconds=0.5)


async def test_each_batch_learns_of_its_own_losses(bus: Any, network: Any) -> None:
    topic = await bus.topic()
    producer = await bus.producer(delivery_timeout_seconds=1.0)
    served, unlucky = producer.batch(), producer.batch()
    await served.enqueue(topic, b"key", b"served", [])
    await served.flush()

    network.stall()
    await unlucky.enqueue(topic, b"key", b"unlucky", [])
    with pytest.raises(DeliveryFailed):
        await unlucky.flush()

    network.heal()
    await _send_until_delivered(producer, topic, b"after")
    await unlucky.flush()  # a loss is told once


async def test_oversize_record_is_refused_and_takes_no_neighbour_with_it(bus: Any) -> None:
    topic = await bus.topic()
    producer = await bus.producer()
    batch = producer.batch()
    await batch.enqueue(topic, b"key", b"small", [])

    with pytest.raises(MessageTooLarge):
        await batch.enqueue(topic, b"key", bytes(message_size_limit(topic)), [])
    await batch.flush()

    assert [message.value for message in await bus.read(topic, 1)] == [b"small"]


async def test_largest_allowed_record_passes(bus: Any) -> None:
    topic = await bus.topic()
    producer = await bus.producer()
    largest = bytes(message_size_limit(topic) - 200)

    await producer.send(topic, b"key", largest, [])

    [message] = await bus.read(topic, 1)
    assert len(message.value) == len(largest)


async def test_lost_batch_does_not_spoil_later_ones(bus: Any) -> None:
    """An idempotent client that lost a batch has a gap in its sequence numbers: it has to be replaced."""
    topic = await bus.topic()
    producer = await bus.producer(delivery_timeout_seconds=2.0)
    await producer.send(topic, b"key", b"before", [])
    client = producer._connection.current.client
    client._txn_manager.increment_sequence_number(_partition(bus.prefix + topic), 7)

    with pytest.raises(DeliveryFailed):
        await producer.send(topic, b"key", b"lost", [])
    await producer.send(topic, b"key", b"after", [])

    assert producer.is_connected()
    assert [message.value for message in await bus.read(topic, 2)] == [b"before", b"after"]


async def test_losses_of_a_client_that_was_replaced_leave_the_new_one_alone(bus: Any, network: Any) -> None:
    topic = await bus.topic()
    producer = await bus.producer(delivery_timeout_seconds=1.0)
    await producer.partitions(topic)
    replaced = producer._connection.current
    network.stall()
    with pytest.raises(DeliveryFailed):
        await producer.send(topic, b"key", b"during", [])
    network.heal()
    await _send_until_delivered(producer, topic, b"after")
    current = producer._connection.current

    replaced.on_loss(replaced)

    assert current is not replaced
    assert producer._connection.current is current


async def _enqueue(producer: Any, topic: str, values: Sequence[bytes]) -> Any:
    batch = producer.batch()
    for value in values:
        await batch.enqueue(topic, b"key", value, [])
    return batch


async def _send_until_delivered(producer: Any, topic: str, value: bytes) -> None:
    """The first attempts after an outage may still fail."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await producer.send(topic, b"key", value, [])
            except DeliveryFailed:
                continue


def _partition(topic: str) -> Any:
    from aiokafka.structs import TopicPartition

    return TopicPartition(topic, 0)
