"""Looking through topics from outside any group: all that was there, once, and nothing committed."""

from typing import Any

import pytest

from sync_common.bus import KafkaUnreachable, Message, NoSuchRecord, NoSuchTopic, Reader


def reader(bus: Any) -> Reader:
    return Reader(bus.bootstrap, "test-reader", topic_prefix=bus.prefix)


async def test_everything_is_read_once_partition_by_partition_and_no_later_record(bus: Any) -> None:
    topics = [await bus.topic(partitions=3), await bus.topic(), await bus.topic()]
    large = [bytes(100_000)] * 25  # three fetches; what comes late is in the last one
    await bus.fill(topics[0], large, partition=0)
    await bus.fill(topics[0], bus.numbers(0, 1200), partition=2)
    await bus.fill(topics[1], bus.numbers(0, 3))
    seen: list[Message] = []

    async with reader(bus) as reading:
        async for message in reading.read(topics):
            if not seen:
                await bus.fill(topics[0], [b"late"], partition=0)
            seen.append(message)

    by_place: dict[tuple[str, int], list[bytes | None]] = {}
    for message in seen:
        by_place.setdefault((message.topic, message.partition), []).append(message.value)
    assert by_place == {
        (topics[0], 0): large,
        (topics[0], 2): bus.numbers(0, 1200),
        (topics[1], 0): bus.numbers(0, 3),
    }


async def test_reading_may_begin_at_a_time(bus: Any) -> None:
    topic = await bus.topic()
    await bus.fill(topic, [b"old"])
    async with reader(bus) as reading:
        [old] = [message async for message in reading.read([topic])]
        later = old
        while later.timestamp_ms == old.timestamp_ms:
            await bus.fill(topic, [b"new"])
            later = [message async for message in reading.read([topic])][-1]

        found = [message async for message in reading.read([topic], since_ms=old.timestamp_ms + 1)]
        none = [message async for message in reading.read([topic], since_ms=later.timestamp_ms + 60_000)]

    assert {message.value for message in found} == {b"new"}
    assert none == []


async def test_one_record_is_found_by_its_coordinates_and_its_absence_explained(bus: Any) -> None:
    topic = await bus.topic(partitions=2)
    await bus.fill(topic, bus.numbers(0, 5), partition=1)

    async with reader(bus) as reading:
        found = await reading.record_at(topic, 1, 3)
        assert (found.topic, found.partition, found.offset, found.value) == (topic, 1, 3, b"3")
        with pytest.raises(NoSuchRecord, match="the next one will be offset 5"):
            await reading.record_at(topic, 1, 5)
        with pytest.raises(NoSuchRecord, match="no partition 2"):
            await reading.record_at(topic, 2, 0)
        with pytest.raises(NoSuchTopic, match="no topic missing"):
            await reading.record_at("missing", 0, 0)
        assert reading.existing(["missing", topic]) == [topic]


async def test_broker_that_is_away_is_named() -> None:
    with pytest.raises(KafkaUnreachable, match=r"127\.0\.0\.1:1"):
        async with Reader("127.0.0.1:1", "test-reader"):
            pass
