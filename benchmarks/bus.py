"""The bus against bare aiokafka with the same settings: what our guarantees cost per record."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from rich.console import Console

from benchmarks.measure import Cost, Stopwatch, measured, middle, table
from local_stack.parts import kafka_server
from local_stack.repository import LOCAL, scratch_folder
from sync_common.bus import Consumer, Done, Message, Outcome, Producer
from sync_common.bus.topics import ensure_topics
from sync_common.contracts.resources import Resource
from sync_common.contracts.topics import MAX_MESSAGE_BYTES, TOPICS, sync_topic

RECORDS = 40_000
BATCH_RECORDS = 1_000
BODY = b"x" * 3_000
HEADERS = [(f"ce_name{number}", b"a value of some length") for number in range(12)]
ROUNDS = 3
TOPIC = sync_topic(Resource.ORDERS)

Work = Callable[[str, str], Awaitable[Cost]]


def run(console: Console) -> None:
    """Print both sides' throughput and CPU per record."""
    with scratch_folder("bench-bus") as folder:
        server = kafka_server(folder, cache=LOCAL / "cache", port=0)
        try:
            costs = asyncio.run(_rounds(server.address))
        finally:
            server.stop()
    shown = table(
        f"bus: {RECORDS:,} records of {len(BODY):,} bytes, median of {ROUNDS} rounds",
        "", "aiokafka rec/s", "ours rec/s", "ratio", "aiokafka CPU µs", "ours CPU µs", "ratio",
    )  # fmt: skip
    for name in ("produce", "consume"):
        bare, ours = middle(costs[f"bare {name}"]), middle(costs[f"our {name}"])
        shown.add_row(
            name,
            f"{bare.per_second:,.0f}", f"{ours.per_second:,.0f}", f"{ours.per_second / bare.per_second:.2f}",
            f"{bare.cpu_micros:.0f}", f"{ours.cpu_micros:.0f}", f"{ours.cpu_micros / bare.cpu_micros:.2f}",
        )  # fmt: skip
    console.print(shown)


async def _rounds(bootstrap: str) -> dict[str, list[Cost]]:
    """Alternate the two sides, so that a busy moment of the machine meets both."""
    works: dict[str, Work] = {
        "bare produce": _produce_bare,
        "bare consume": _consume_bare,
        "our produce": _produce,
        "our consume": _consume,
    }
    costs: dict[str, list[Cost]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for side in ("bare", "our"):
            prefix = f"bench{uuid4().hex[:8]}."
            await ensure_topics(bootstrap, prefix, topics=[TOPICS[TOPIC]])
            await _warm_up(bootstrap, prefix)
            for work in ("produce", "consume"):
                costs[f"{side} {work}"].append(await works[f"{side} {work}"](bootstrap, prefix))
    return costs


async def _warm_up(bootstrap: str, prefix: str) -> None:
    """Return once every partition of the new topic has a leader that takes records."""
    producer = Producer(bootstrap, "bench", topic_prefix=prefix)
    await producer.start()
    try:
        for partition in range(TOPICS[TOPIC].partitions):
            await producer.send(TOPIC, None, b"", [], partition)
    finally:
        await producer.stop()


def _key(number: int) -> bytes:
    return f"shop/{number}".encode()


async def _produce_bare(bootstrap: str, prefix: str) -> Cost:
    client = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        acks="all",
        enable_idempotence=True,
        max_batch_size=256 * 1024,
        max_request_size=MAX_MESSAGE_BYTES,
    )
    await client.start()
    try:
        with measured(RECORDS) as cost:
            for start in range(0, RECORDS, BATCH_RECORDS):
                futures = [
                    await client.send(prefix + TOPIC, BODY, _key(number), headers=HEADERS)
                    for number in range(start, start + BATCH_RECORDS)
                ]
                for future in futures:
                    await future
        return cost
    finally:
        await client.stop()


async def _produce(bootstrap: str, prefix: str) -> Cost:
    producer = Producer(bootstrap, "bench", topic_prefix=prefix)
    await producer.start()
    try:
        with measured(RECORDS) as cost:
            for start in range(0, RECORDS, BATCH_RECORDS):
                batch = producer.batch()
                for number in range(start, start + BATCH_RECORDS):
                    await batch.enqueue(TOPIC, _key(number), BODY, HEADERS)
                await batch.flush()
        return cost
    finally:
        await producer.stop()


class _Progress:
    """Counts what was read; the watch starts at the first batch, after the group has formed."""

    def __init__(self) -> None:
        self.left = RECORDS
        self._first = 0
        self._watch: Stopwatch | None = None

    def note(self, records: int) -> None:
        self.left -= records
        if self._watch is None and records:
            self._first, self._watch = records, Stopwatch()

    def cost(self) -> Cost:
        assert self._watch is not None, "nothing was read"
        return self._watch.cost(RECORDS - self._first)


async def _consume_bare(bootstrap: str, prefix: str) -> Cost:
    client = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=f"{prefix}bench",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        partition_assignment_strategy=(StickyPartitionAssignor,),
        fetch_max_bytes=32 * 1024 * 1024,
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )
    client.subscribe([prefix + TOPIC])
    await client.start()
    progress = _Progress()
    try:
        while progress.left > 0:
            records = await client.getmany(timeout_ms=500, max_records=BATCH_RECORDS)
            if records:
                await client.commit()
            progress.note(sum(len(some) for some in records.values()))
        return progress.cost()
    finally:
        await client.stop()


async def _consume(bootstrap: str, prefix: str) -> Cost:
    progress, stop = _Progress(), asyncio.Event()
    dead_letters = Producer(bootstrap, "bench", topic_prefix=prefix)

    async def handle(batch: Sequence[Message]) -> Sequence[Outcome]:
        progress.note(len(batch))
        if progress.left <= 0:
            costs.append(progress.cost())
            stop.set()
        return [Done() for _ in batch]

    costs: list[Cost] = []
    consumer = Consumer(
        bootstrap,
        "bench",
        [TOPIC],
        handle,
        client_id="bench",
        transient=lambda error: False,
        dead_letters=dead_letters,
        max_batch_records=BATCH_RECORDS,
    )
    await dead_letters.start()
    try:
        await consumer.run(stop)
    finally:
        await dead_letters.stop()
    return costs[0]
