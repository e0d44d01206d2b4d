"""Dead letters: what cannot succeed is set aside with its coordinates, alone, and not without limit."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from sync_common.bus import DeadLetterLimit, Done, Message, Outcome, Rejected
from sync_common.contracts.topics import dead_letter_topic


async def test_rejected_message_becomes_a_dead_letter_with_its_coordinates(bus: Any) -> None:
    topic = await bus.topic()
    producer = await bus.producer()
    for number in range(10):
        await producer.send(topic, b"key", str(number).encode(), [("ce_id", b"id-%d" % number)])
    recorder = bus.Recorder(
        lambda message: Rejected("total_price: missing", "total_price") if message.value == b"4" else Done()
    )

    async with bus.consuming([topic], recorder):
        await bus.until(lambda: len(recorder.messages) == 10)

    [letter] = await bus.read(dead_letter_topic(topic, bus.GROUP), 1)
    headers = dict(letter.headers)
    assert (letter.key, letter.value, headers["ce_id"]) == (b"key", b"4", b"id-4")
    assert (headers["dlq_topic"], headers["dlq_partition"], headers["dlq_offset"]) == (
        topic.encode(),
        b"0",
        b"4",
    )
    assert (headers["dlq_reason"], headers["dlq_field"]) == (b"total_price: missing", b"total_price")
    assert headers["dlq_error"] == b"Rejected"


async def test_largest_record_can_become_a_dead_letter(bus: Any) -> None:
    topic = await bus.topic()
    largest = bytes(8 * 1024 * 1024 - 500)
    await bus.fill(topic, [b"small"])
    await (await bus.producer()).send(topic, b"key", largest, [])
    recorder = bus.Recorder(lambda message: Rejected("x" * 2000) if message.value == largest else Done())

    async with bus.consuming([topic], recorder):
        await bus.until(lambda: len(recorder.messages) == 2)

    [letter] = await bus.read(dead_letter_topic(topic, bus.GROUP), 1)
    assert letter.value == largest


@pytest.mark.parametrize("raised", [ValueError("boom"), Rejected("no such shop")])
async def test_poison_record_costs_one_record(bus: Any, raised: Exception) -> None:
    topic = await bus.topic()
    await bus.fill(topic, bus.numbers(0, 50))
    recorder = bus.Recorder()

    async def handle(batch: Sequence[Message]) -> Sequence[Outcome]:
        if any(message.value == b"23" for message in batch):
            raise raised
        return await recorder(batch)

    async with bus.consuming([topic], handle):
        await bus.until(lambda: len(recorder.messages) == 49)

    assert recorder.values == bus.numbers(0, 23) + bus.numbers(24, 50)
    [letter] = await bus.read(dead_letter_topic(topic, bus.GROUP), 1)
    headers = dict(letter.headers)
    assert (letter.value, headers["dlq_error"]) == (b"23", type(raised).__name__.encode())
    assert b"boom" not in headers["dlq_reason"]


async def test_unknown_error_is_tried_three_times_before_the_culprit_is_sought(bus: Any) -> None:
    topic = await bus.topic()
    await bus.fill(topic, bus.numbers(0, 4))
    sizes: list[int] = []

    async def handle(batch: Sequence[Message]) -> Sequence[Outcome]:
        sizes.append(len(batch))
        if len(sizes) <= 2:
            raise ValueError
        return [Done() for _ in batch]

    async with bus.consuming([topic], handle):
        await bus.until(lambda: len(sizes) == 3)

    assert sizes == [4, 4, 4]


async def test_too_many_dead_letters_stop_the_partition_and_no_other(bus: Any) -> None:
    topic = await bus.topic(partitions=2)
    await bus.fill(topic, bus.numbers(0, 20), partition=0)
    recorder = bus.Recorder(lambda message: Rejected("bad") if message.partition == 0 else Done())
    registry = CollectorRegistry()

    async with bus.consuming(
        [topic], recorder, registry=registry, dead_letter_limit=DeadLetterLimit(in_a_row=5)
    ):
        await bus.until(lambda: bus.stopped(registry, topic, "too_many_dead_letters") == 1)
        await bus.fill(topic, bus.numbers(0, 10), partition=1)
        await bus.until(lambda: sum(message.partition == 1 for message in recorder.messages) == 10)

    again = bus.Recorder()
    async with bus.consuming([topic], again):
        await bus.until(lambda: len(again.messages) >= 20)
    assert [message.value for message in again.messages if message.partition == 0] == bus.numbers(0, 20)


async def test_records_of_a_stopped_partition_are_not_counted(bus: Any) -> None:
    topic = await bus.topic()
    await bus.fill(topic, bus.numbers(0, 5))
    registry = CollectorRegistry()
    recorder = bus.Recorder(lambda message: Rejected("bad"))
    labels = {"group": bus.group, "topic": topic}

    async with bus.consuming(
        [topic], recorder, registry=registry, dead_letter_limit=DeadLetterLimit(in_a_row=5)
    ):
        await bus.until(lambda: registry.get_sample_value("bus_batch_seconds_count", labels) == 1)

    assert bus.stopped(registry, topic, "too_many_dead_letters") is not None
    for outcome in ("done", "rejected"):
        assert registry.get_sample_value("bus_records_total", {**labels, "outcome": outcome}) == 0


async def test_too_large_a_share_of_dead_letters_stops_the_partition(bus: Any) -> None:
    topic = await bus.topic()
    await bus.fill(topic, bus.numbers(0, 20))
    recorder = bus.Recorder(
        lambda message: Done() if int(message.value or b"0") % 3 == 0 else Rejected("bad")
    )
    registry = CollectorRegistry()

    async with bus.consuming(
        [topic], recorder, registry=registry, dead_letter_limit=DeadLetterLimit(share=0.5, of_last=20)
    ):
        await bus.until(lambda: bus.stopped(registry, topic, "too_many_dead_letters") == 1)


async def test_lost_dead_letter_is_no_lost_record(bus: Any, network: Any) -> None:
    """The position may pass a rejected record only once its dead letter is stored."""
    topic = await bus.topic()
    await bus.fill(topic, bus.numbers(0, 3))
    letters = await bus.producer(delivery_timeout_seconds=0.5)
    recorder = bus.Recorder(lambda message: Rejected("bad") if message.value == b"1" else Done())
    consumer = await bus.consumer([topic], recorder, dead_letters=letters)
    stop = asyncio.Event()
    letters._connection._bootstrap = "127.0.0.1:1"
    letters._connection.replace()

    running = asyncio.create_task(consumer.run(stop))
    await bus.until(lambda: recorder.values.count(b"1") >= 2)
    letters._connection._bootstrap = bus.bootstrap
    await bus.until(lambda: not consumer._partitions.uncommitted() and consumer._partitions._committed)
    stop.set()
    await running

    letters_sent = await bus.read(dead_letter_topic(topic, bus.GROUP), 1)
    assert {letter.value for letter in letters_sent} == {
        b"1"
    }  # one given up as late may have arrived besides
