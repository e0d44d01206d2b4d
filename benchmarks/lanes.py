"""How long a webhook waits for its row: on a quiet writer, and while a large sync is being written."""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import psutil
import psycopg
from rich.console import Console

from benchmarks.measure import table
from benchmarks.records import SHOP, copies, messages, samples, webhooks
from benchmarks.writer import Place, publish, tally, wait, writers_place
from local_stack.processes import Process
from sync_common.bus import Producer
from sync_common.contracts.records import record_key
from sync_common.contracts.resources import Resource
from sync_common.contracts.topics import live_topic

SYNC_RECORDS = 200_000
CHUNK_RECORDS = 20_000
WEBHOOKS_PER_SECOND = 20
SECONDS = 20
TOPIC = live_topic(Resource.ORDERS)
LIVE, SYNC = '["live"]', '["sync"]'
BOTH = '["live","sync"]'
RESOURCES = '["customers","orders"]'


@dataclass(frozen=True)
class Writing:
    """A process of the writer: its lanes and other settings, and how far it stands back for others (`nice`)."""

    lanes: str
    settings: Mapping[str, str] = field(default_factory=dict)
    niceness: int = 0


BEHIND = Writing(SYNC, {"WRITER_BATCH_RECORDS_MAX": "500", "WRITER_SYNC_CONSUMERS": "1"}, niceness=15)
"""A sync that leaves webhooks their core, and PostgreSQL's log to them every few milliseconds."""


def run(console: Console, *, sync_records: int = SYNC_RECORDS) -> None:
    """Print the percentiles of the time from a webhook's receipt to its row, as the merchant's page shows them."""
    shown = table(
        f"lanes: {WEBHOOKS_PER_SECOND} webhooks a second for {SECONDS} s, beside a sync of {sync_records:,} customers",
        "", "webhooks", "p50 ms", "p95 ms", "p99 ms", "sync rec/s meanwhile",
    )  # fmt: skip
    scenes: dict[str, Sequence[Writing]] = {
        "no sync": [Writing(BOTH)],
        "sync in the same process": [Writing(BOTH)],
        "sync in a process of its own": [Writing(LIVE), Writing(SYNC)],
        "the same, standing back": [Writing(LIVE), BEHIND],
    }
    for number, (name, processes) in enumerate(scenes.items()):
        with writers_place("bench-lanes") as place:
            if busy := number > 0:
                _backlog(place, sync_records)
            shown.add_row(name, *_scene(place, processes, first=number * 1_000_000, busy=busy))
    console.print(shown)


def _backlog(place: Place, count: int) -> None:
    made = samples(Resource.CUSTOMERS)
    for start in range(0, count, CHUNK_RECORDS):
        some = copies(Resource.CUSTOMERS, made, CHUNK_RECORDS, after=start)
        asyncio.run(publish(place.kafka, Resource.CUSTOMERS, messages(Resource.CUSTOMERS, some, job_id=1)))


def _scene(place: Place, processes: Sequence[Writing], *, first: int, busy: bool) -> list[str]:
    with _writers(place, processes), closing(psycopg.connect(place.url, autocommit=True)) as connection:
        asyncio.run(_deliver(place.kafka, first, seconds=2))  # until every consumer has joined and is warm
        wait(lambda: _applied(connection), lambda seen: seen[0] >= 2 * WEBHOOKS_PER_SECOND)
        before, started = tally(connection, 1)[0], time.monotonic()
        asyncio.run(_deliver(place.kafka, first + 1_000, seconds=SECONDS))
        synced = (tally(connection, 1)[0] - before) / (time.monotonic() - started)
        wait(lambda: _applied(connection), lambda seen: seen[0] >= (SECONDS + 2) * WEBHOOKS_PER_SECOND)
        assert not busy or synced > 0, "the sync was over too early to tell anything"
        p50, p95, p99 = _percentiles(connection, f"bench-{first + 1_000}")
    return [f"{SECONDS * WEBHOOKS_PER_SECOND:,}", f"{p50:.0f}", f"{p95:.0f}", f"{p99:.0f}", f"{synced:,.0f}"]


@contextmanager
def _writers(place: Place, processes: Sequence[Writing]) -> Iterator[None]:
    started: list[Process] = []
    try:
        for one in processes:
            started.append(place.writer(WRITER_LANES=one.lanes, WRITER_RESOURCES=RESOURCES, **one.settings))
            psutil.Process(started[-1].pid).nice(one.niceness)
        yield
    finally:
        for process in started:
            process.stop()


async def _deliver(bootstrap: str, first: int, *, seconds: int) -> None:
    """Publish webhooks at an even pace; each is received at the moment it is sent."""
    producer = Producer(bootstrap, "bench")
    await producer.start()
    loop = asyncio.get_running_loop()
    started = loop.time()
    try:
        for number in range(seconds * WEBHOOKS_PER_SECOND):
            await asyncio.sleep(max(0.0, started + number / WEBHOOKS_PER_SECOND - loop.time()))
            (webhook,) = webhooks(first=first + number, count=1, at=datetime.now(UTC))
            key, headers = record_key(SHOP, webhook.record_id), webhook.envelope().to_headers()
            await producer.send(TOPIC, key, webhook.body, headers)
    finally:
        await producer.stop()


def _applied(connection: "psycopg.Connection[object]") -> tuple[int, float]:
    row = connection.execute("SELECT count(*)::integer, 0.0::float FROM records.deliveries").fetchone()
    assert isinstance(row, tuple)
    return row


def _percentiles(connection: "psycopg.Connection[object]", first_webhook: str) -> tuple[float, float, float]:
    row = connection.execute(
        """SELECT percentile_cont(ARRAY[0.5, 0.95, 0.99])
                      WITHIN GROUP (ORDER BY 1000 * extract(epoch FROM applied_at - received_at)::float)
           FROM records.deliveries
           WHERE received_at >= (SELECT received_at FROM records.deliveries WHERE webhook_id = %s)""",
        [first_webhook],
    ).fetchone()
    assert isinstance(row, tuple)
    p50, p95, p99 = row[0]
    return p50, p95, p99
