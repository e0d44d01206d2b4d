"""The consumer: the position is committed last, and nothing is skipped."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition
from prometheus_client import CollectorRegistry

from sync_common.bus import Done, Message, Outcome, Rejected, WrongOutcomes


async def test_position_is_committed_after_the_handler(bus: Any) -> None:
    topic = await bus.topic()
    await bus.fill(topic, bus.numbers(0, 10))
    first, second = bus.Recorder(), bus.Recorder()

    async with bus.consuming([topic], first):
        await bus.until(lambda: len(first.messages) == 10)
    await bus.fill(topic, [b"new"])
    async with bus.consuming([topic], second):
        await bus.until(lambda: len(second.messages) >= 1)

    assert first.values == bus.numbers(0, 10)
    assert second.values == [b"new"]


async def test_crash_before_the_commit_delivers_again(bus: Any) -> None:
    topic = await bus.topic()
    await bus.fill(topic, bus.numbers(0, 10))
    handled = asyncio.Event()

    async def handle_and_hang(batch: Sequence[Message]) -> Sequence[Outcome]:
        handled.set()
        await asyncio.Event().wait()
        return []

    crashing = asyncio.create_task((await bus.consumer([topic], handle_and_hang)).run(asyncio.Event()))
    await handled.wait()
    crashing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await crashing

    survivor = bus.Recorder()
    async with bus.consuming([topic], survivor):
        await bus.until(lambda: len(survivor.messages) >= 10)
    assert survivor.values == bus.numbers(0, 10)


async def test_stop_finishes_and_commits_the_batch_in_hand(bus: Any) -> None:
    topic = await bus.topic()
    await bus.fill(topic, bus.numbers(0, 10))
    stop, started, finish = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(batch: Sequence[Message]) -> Sequence[Outcome]:
        started.set()
        await finish.wait()
        return [Done() for _ in batch]

    running = asyncio.create_task((await bus.consumer([topic], slow, max_batch_records=5)).run(stop))
    await started.wait()
    stop.set()
    finish.set()
    await running

    survivor = bus.Recorder()
    async with bus.consuming([topic], survivor):
        await bus.until(lambda: len(survivor.messages) >= 5)
    assert survivor.values == bus.numbers(5, 10)


@pytest.mark.parametrize("fault", ["cut", "stall"])
async def test_stop_takes_effect_while_kafka_is_away(bus: Any, network: Any, fault: str) -> None:
    topic = await bus.topic()
    await bus.fill(topic, bus.numbers(0, 10))
    recorder = bus.Recorder()
    stop = asyncio.Event()
    running = asyncio.create_task((await bus.consumer([topic], recorder)).run(stop))
    await bus.until(lambda: len(recorder.messages) == 10)

    getattr(network, fault)()
    stop.set()

    async with asyncio.timeout(
        18
    ):  # the time a service has to drain: a commit in hand, one more, and the farewell
        await running
    network.heal()


async def test_batch_is_bounded_in_records_and_bytes_and_never_mixes_topics(bus: Any) -> None:
    few, large = await bus.topic(), await bus.topic()
    await bus.fill(few, bus.numbers(0, 25))
    await bus.fill(large, [bytes(1000)] * 10)
    recorder = bus.Recorder()

    async with bus.consuming([few, large], recorder, max_batch_records=10, max_batch_bytes=4500):
        await bus.until(lambda: len(recorder.messages) == 35)

    assert all(len({message.topic for message in batch}) == 1 for batch in recorder.batches)
    assert max(len(batch) for batch in recorder.batches) <= 10
    assert max(sum(message.size for message in batch) for batch in recorder.batches) <= 4500


async def test_transient_error_pauses_and_later_continues_in_order(bus: Any) -> None:
    topic, other = await bus.topic(), await bus.topic()
    await bus.fill(topic, bus.numbers(0, 30))
    recorder, registry = bus.Recorder(), CollectorRegistry()
    away, failures = True, list[float]()

    async def handle(batch: Sequence[Message]) -> Sequence[Outcome]:
        if away and batch[0].value == b"0":
            failures.append(asyncio.get_running_loop().time())
            raise bus.Transient
        return await recorder(batch)

    async with bus.consuming([topic, other], handle, max_batch_bytes=20, registry=registry):
        await bus.until(lambda: len(failures) >= 3)
        await bus.fill(other, [b"other"])
        await bus.until(lambda: recorder.values == [b"other"])
        away = False
        await bus.until(lambda: len(recorder.messages) >= 31)

    assert recorder.values[1:] == bus.numbers(0, 30)
    retries = registry.get_sample_value(
        "bus_retries_total", {"group": bus.group, "topic": topic, "cause": "transient"}
    )
    assert retries == len(failures)
    assert failures[2] - failures[1] > 0.3, "the topic was not left alone between two tries"


async def test_header_without_a_value_counts_as_empty(bus: Any) -> None:
    """Kafka allows it; the consumer used to end with a TypeError outside the handler, again and again."""
    topic = await bus.topic()
    client = (await bus.producer())._connection.current.client
    await client.send_and_wait(bus.prefix + topic, b"value", b"key", headers=[("ce_id", None)])

    [message] = await bus.read(topic, 1)

    assert message.headers == [("ce_id", b"")]
    assert message.size == len(b"keyvalue")


async def test_second_consumer_joins_mid_stream_and_no_record_is_lost(bus: Any) -> None:
    topic = await bus.topic(partitions=4)
    for partition in range(4):
        await bus.fill(topic, bus.numbers(partition, partition + 1), partition)
    first, second, joined = bus.Recorder(), bus.Recorder(), asyncio.Event()

    async def unhurried(batch: Sequence[Message]) -> Sequence[Outcome]:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(joined.wait(), 0.05)
        return await first(batch)

    async def newcomer(batch: Sequence[Message]) -> Sequence[Outcome]:
        joined.set()
        return await second(batch)

    options = {"max_batch_bytes": 60, "session_timeout_seconds": 6.0}
    async with bus.consuming([topic], unhurried, **options):
        await bus.until(lambda: len(first.messages) == 4)
        await bus.fill(topic, bus.numbers(4, 2000))
        async with bus.consuming([topic], newcomer, **options):
            await bus.until(lambda: len({*first.values, *second.values}) == 2000)

    assert second.messages, "the second consumer took no share"
    assert sorted([*first.values, *second.values]) == sorted(bus.numbers(0, 2000))
    for partition in range(4):
        offsets = [message.offset for message in first.messages if message.partition == partition]
        later = [message.offset for message in second.messages if message.partition == partition]
        assert offsets + later == list(range(len(offsets) + len(later)))
    await _assert_all_is_committed(bus, topic)


async def test_batch_that_outlasts_the_hand_over_is_read_again_and_crashes_nothing(
    bus: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync_common.bus.membership._HAND_OVER_SECONDS", 0.01)
    topic = await bus.topic(partitions=2)
    await bus.fill(topic, bus.numbers(0, 100))
    first, second = bus.Recorder(), bus.Recorder()
    started, finish = asyncio.Event(), asyncio.Event()

    async def stuck(batch: Sequence[Message]) -> Sequence[Outcome]:
        started.set()
        await finish.wait()
        return await first(batch)

    async with bus.consuming([topic], stuck, session_timeout_seconds=6.0):
        await started.wait()
        async with bus.consuming([topic], second, session_timeout_seconds=6.0):
            await bus.until(lambda: len(second.messages) > 0)
            finish.set()
            await bus.until(lambda: len(first.messages) > 0)
            outlasting = len(first.batches[0])
            await bus.until(lambda: len(first.messages) + len(second.messages) == outlasting + 100)

    await _assert_all_is_committed(bus, topic)


async def test_dead_letters_that_outlast_the_hand_over_move_no_position(
    bus: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A position was noted for a partition held no longer, and every later commit failed with it."""
    monkeypatch.setattr("sync_common.bus.membership._HAND_OVER_SECONDS", 0.01)
    topic = await bus.topic(partitions=2)
    await bus.fill(topic, [b"bad"], partition=0)
    await bus.fill(topic, [b"bad"], partition=1)
    recorder, second = bus.Recorder(lambda message: Rejected("bad")), bus.Recorder()
    sending, send = asyncio.Event(), asyncio.Event()

    async def send_slowly(*letters: Any) -> None:
        sending.set()
        await send.wait()

    monkeypatch.setattr("sync_common.bus.consumer.send_dead_letters", send_slowly)
    async with bus.consuming([topic], recorder, session_timeout_seconds=6.0) as first:
        await sending.wait()
        async with bus.consuming([topic], second, session_timeout_seconds=6.0):
            await bus.until(lambda: len(second.messages) > 0)
            begun = len(recorder.batches)
            send.set()
            await bus.until(lambda: len(recorder.batches) > begun)
            assert first._partitions.uncommitted().keys() <= first._partitions._held


async def test_offset_out_of_range_stops_the_partition_instead_of_skipping(bus: Any) -> None:
    topic = await bus.topic()
    await bus.fill(topic, bus.numbers(0, 5))
    recorder, registry = bus.Recorder(), CollectorRegistry()
    async with bus.consuming([topic], recorder, max_batch_records=1):
        await bus.until(lambda: len(recorder.messages) >= 2)
    known = len(recorder.messages)
    await bus.fill(topic, bus.numbers(5, 10))
    await _delete_records_before(bus, topic, offset=9)

    async with bus.consuming([topic], recorder, registry=registry):
        await bus.until(lambda: bus.stopped(registry, topic, "offset_out_of_range") == 1)

    assert known < 9
    assert len(recorder.messages) == known


async def test_new_group_begins_with_the_earliest_record(bus: Any) -> None:
    topic = await bus.topic()
    await bus.fill(topic, bus.numbers(0, 10))
    await _delete_records_before(bus, topic, offset=4)

    messages = await bus.read(topic, 6)

    assert [message.value for message in messages] == bus.numbers(4, 10)


async def test_handler_that_does_not_answer_for_every_message_stops_the_consumer(bus: Any) -> None:
    topic = await bus.topic()
    await bus.fill(topic, bus.numbers(0, 3))

    async def forgetful(batch: Sequence[Message]) -> Sequence[Outcome]:
        return []

    consumer = await bus.consumer([topic], forgetful)
    with pytest.raises(WrongOutcomes):
        await consumer.run(asyncio.Event())


async def test_handler_that_hangs_is_interrupted_and_tried_again(bus: Any) -> None:
    topic = await bus.topic()
    await bus.fill(topic, bus.numbers(0, 3))
    recorder = bus.Recorder()
    calls = 0

    async def hangs_once(batch: Sequence[Message]) -> Sequence[Outcome]:
        nonlocal calls
        calls += 1
        if calls == 1:
            await asyncio.Event().wait()
        return await recorder(batch)

    async with bus.consuming([topic], hangs_once, handler_timeout_seconds=0.2):
        await bus.until(lambda: recorder.values == bus.numbers(0, 3))


async def test_lag_and_outcomes_are_counted(bus: Any) -> None:
    topic = await bus.topic()
    await bus.fill(topic, bus.numbers(0, 10))
    registry = CollectorRegistry()
    away = True
    recorder = bus.Recorder(lambda message: Rejected("bad") if message.value == b"3" else Done())
    labels = {"group": bus.group, "topic": topic}

    async def handle(batch: Sequence[Message]) -> Sequence[Outcome]:
        if away:
            raise bus.Transient
        return await recorder(batch)

    async with bus.consuming([topic], handle, registry=registry):
        await bus.until(lambda: registry.get_sample_value("bus_lag_records", labels) == 10)
        away = False
        await bus.until(lambda: registry.get_sample_value("bus_lag_records", labels) == 0)

    count = registry.get_sample_value
    assert count("bus_records_total", {**labels, "outcome": "done"}) == 9
    assert count("bus_records_total", {**labels, "outcome": "rejected"}) == 1
    assert count("bus_dead_letters_total", {**labels, "error": "Rejected"}) == 1
    assert count("bus_batch_seconds_count", labels) == 1


async def test_consumer_that_starts_before_kafka_waits_for_it(bus: Any, network: Any) -> None:
    topic = await bus.topic()
    await bus.fill(topic, [b"early"])
    recorder = bus.Recorder()

    network.cut()
    stop = asyncio.Event()
    consumer = await _offline_consumer(bus, topic, recorder)
    running = asyncio.create_task(consumer.run(stop))
    await network.refused.wait()
    network.heal()
    await bus.until(lambda: recorder.values == [b"early"])
    stop.set()
    await running


async def _assert_all_is_committed(bus: Any, topic: str) -> None:
    successor = bus.Recorder()
    await bus.fill(topic, [b"end"])
    async with bus.consuming([topic], successor):
        await bus.until(lambda: b"end" in successor.values)
    assert successor.values == [b"end"]


async def _offline_consumer(bus: Any, topic: str, handler: Any) -> Any:
    from sync_common.bus import Consumer, Producer

    letters = Producer(bus.bootstrap, "offline", topic_prefix=bus.prefix)
    return Consumer(
        bus.bootstrap,
        bus.GROUP,
        [topic],
        handler,
        client_id="offline",
        transient=lambda error: False,
        dead_letters=letters,
    )


async def _delete_records_before(bus: Any, topic: str, offset: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bus.bootstrap)
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(bus.prefix + topic, 0): RecordsToDelete(offset)})
    finally:
        await admin.close()
