"""Dead letters: what cannot succeed is set aside with its coordinates, alone, and not without limit."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from sync_common.bus import DeadLetterLimit, Done, Message, Outcome, Rejected, TooManyDeadLetters
from sync_common.bus.dead_letters import REPLAYED_FROM, DeadLetter, PartitionRecord, enqueue_replay
from sync_common.contracts.topics import dead_letter_topic

OURS = Rejected("bad")
FOREIGN = Rejected("no store is connected to it", by_outsider=True)


def seen(*outcomes: Outcome, replayed: bool = False) -> list[tuple[Message, Outcome]]:
    """Return outcomes, each with a message of its own."""
    headers = [(REPLAYED_FROM, b"t.c.dlq/0/1")] if replayed else []
    return [(Message("t", 0, n, b"k", b"v", headers, 0), outcome) for n, outcome in enumerate(outcomes)]


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


def test_what_an_outsider_can_cause_never_passes_the_limit() -> None:
    record = PartitionRecord(DeadLetterLimit(in_a_row=3, share=0.5, of_last=10))

    record.note(seen(*[FOREIGN] * 50))

    assert (record.in_a_row, len(record.latest)) == (0, 0)


def test_replays_that_are_rejected_again_never_pass_the_limit() -> None:
    record = PartitionRecord(DeadLetterLimit(in_a_row=3))

    record.note(seen(*[OURS] * 50, replayed=True))

    assert record.in_a_row == 0


def test_our_own_dead_letters_do_not_hide_between_those_of_an_outsider() -> None:
    record = PartitionRecord(DeadLetterLimit(in_a_row=3))

    record.note(seen(OURS, FOREIGN, OURS))
    with pytest.raises(TooManyDeadLetters):
        record.note(seen(FOREIGN, OURS))


async def test_one_body_sent_over_and_over_by_an_outsider_stops_nothing_and_is_counted(bus: Any) -> None:
    topic = await bus.topic()
    await bus.fill(topic, [b"stolen"] * 20 + [b"good"])
    recorder = bus.Recorder(
        lambda message: (
            Done()
            if message.value == b"good"
            else Rejected("no store is connected to it", error="UnknownShop", by_outsider=True)
        )
    )
    registry = CollectorRegistry()
    labels = {"group": bus.group, "topic": topic, "error": "UnknownShop"}

    async with bus.consuming(
        [topic], recorder, registry=registry, dead_letter_limit=DeadLetterLimit(in_a_row=5, of_last=10)
    ):
        await bus.until(lambda: registry.get_sample_value("bus_dead_letters_total", labels) == 20)
        await bus.until(lambda: recorder.values[-1:] == [b"good"])

    assert bus.stopped(registry, topic, "too_many_dead_letters") is None
    assert len(await bus.read(dead_letter_topic(topic, bus.GROUP), 20)) == 20


async def test_replay_brings_back_what_came_and_says_where_from(bus: Any) -> None:
    topic = await bus.topic(partitions=3)
    producer = await bus.producer()
    headers = [("ce_id", b"1"), ("ce_observedat", b"2026-11-22T08:30:06Z")]
    await producer.send(topic, b"shop/17", b"body", headers)
    await producer.send(topic, None, b"", headers, 2)  # a mark: it has no key, and means its partition
    async with bus.consuming([topic], bus.Recorder(lambda _: Rejected("bad")), group="first"):
        first = await bus.read(dead_letter_topic(topic, bus.GROUP), 2)

    batch = producer.batch()
    for letter in first:
        await enqueue_replay(batch, DeadLetter.from_message(letter))
    await batch.flush()
    again = bus.Recorder(lambda _: Rejected("bad"))
    async with bus.consuming([topic], again, group="second"):
        await bus.until(lambda: len(again.messages) == 4)

    by_value = {value: [m for m in again.messages if m.value == value] for value in (b"body", b"")}
    for value, (came, replayed) in by_value.items():
        assert (replayed.key, replayed.partition) == (came.key, came.partition), value
        assert list(replayed.headers[:-1]) == headers
    assert by_value[b""][1].partition == 2


async def test_record_rejected_again_keeps_the_trace_of_its_replay_and_no_more(bus: Any) -> None:
    topic = await bus.topic()
    await bus.fill(topic, [b"body"])
    producer, letters = await bus.producer(), dead_letter_topic(topic, bus.GROUP)

    async with bus.consuming([topic], bus.Recorder(lambda _: Rejected("bad"))):
        for count in (1, 2, 3):
            latest = (await bus.read(letters, count))[-1]
            batch = producer.batch()
            await enqueue_replay(batch, DeadLetter.from_message(latest))
            await batch.flush()
        found = await bus.read(letters, 4)

    assert [DeadLetter.from_message(letter).replayed_from for letter in found] == [
        None,
        *(f"{letters}/0/{offset}" for offset in range(3)),
    ]
    assert len(found[3].headers) == len(found[1].headers)


async def test_reasons_of_an_earlier_dead_letter_are_not_carried_along(bus: Any) -> None:
    """Somebody may have sent a dead letter back by other means, with all its headers."""
    topic = await bus.topic()
    await (await bus.producer()).send(topic, b"key", b"v", [("ce_id", b"1"), ("dlq_reason", b"an old one")])

    async with bus.consuming([topic], bus.Recorder(lambda _: Rejected("a new one"))):
        [letter] = await bus.read(dead_letter_topic(topic, bus.GROUP), 1)

    assert [value for name, value in letter.headers if name == "dlq_reason"] == [b"a new one"]


async def test_lost_dead_letter_is_no_lost_record(bus: Any, network: Any) -> None:
    """The position may pass a rejected record only once its dead letter is stored."""
    topic = await bus.topic()
    await bus.fill(topic, bus.numbers(0, 3))
    letters = await bus.producer(delivery_timeout_seconds=0.5)
    recorder = bus.Recorder(lambda message: Rejected("bad") if message.value == b"1" else Done())
    consumer = await bus.consumer([topic], recorder, dead_letters=letters)
    stop = asyncio.Event()
    letters._connection._bootstrap = "127.0.0.1:1"
    letters._connection.replace(letters._connection.current)

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
