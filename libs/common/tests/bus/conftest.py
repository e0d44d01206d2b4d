"""A harness around the bus on a real broker: topics of its own, running consumers, a network that can be cut."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from prometheus_client import CollectorRegistry

from sync_common.bus import Consumer, Done, Message, Outcome, Producer, ensure_topics
from sync_common.bus.message import BatchHandler
from sync_common.contracts.topics import HOUR_MS, Topic
from sync_common.db import Database

DEADLINE_SECONDS = 20.0
GROUP = "tester"


class Transient(Exception):
    """What the database raises when it is away."""


class Recorder:
    """A handler that keeps what it is given and answers as it is told."""

    def __init__(self, answer: Callable[[Message], Outcome] | None = None) -> None:
        self.messages: list[Message] = []
        self.batches: list[list[Message]] = []
        self._answer = answer or (lambda _: Done())

    async def __call__(self, batch: Sequence[Message]) -> Sequence[Outcome]:
        outcomes = [self._answer(message) for message in batch]
        self.batches.append(list(batch))
        self.messages += batch
        return outcomes

    @property
    def values(self) -> list[bytes | None]:
        return [message.value for message in self.messages]


async def until(condition: Callable[[], bool], deadline_seconds: float = DEADLINE_SECONDS) -> None:
    """Return once `condition` holds; fail after the deadline."""
    ends = time.monotonic() + deadline_seconds
    while not condition():
        assert time.monotonic() < ends, "the condition did not come true before the deadline"
        await asyncio.sleep(0.01)


def numbers(first: int, last: int) -> list[bytes]:
    """Return the numbers from `first` on, before `last`, as values."""
    return [str(number).encode() for number in range(first, last)]


class BusHarness:
    """Everything a test of the bus needs, on topics that no other test sees."""

    GROUP = GROUP
    Transient = Transient
    Recorder = Recorder
    until = staticmethod(until)
    numbers = staticmethod(numbers)

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self.bootstrap = bootstrap
        self.prefix = prefix
        self.group = f"group-{uuid4().hex[:8]}"
        self._producers: list[Producer] = []

    async def topic(self, partitions: int = 1) -> str:
        """Create a topic and its dead-letter topic; return its name."""
        topic = Topic(
            name=f"test.{uuid4().hex[:8]}.v1",
            owner=GROUP,
            key="any",
            carries="test records",
            partitions=partitions,
            retention_ms=HOUR_MS,
            producers=(GROUP,),
            consumers=(GROUP,),
        )
        await ensure_topics(self.bootstrap, self.prefix, topics=[topic])
        return topic.name

    async def producer(self, delivery_timeout_seconds: float = 10.0) -> Producer:
        producer = Producer(
            self.bootstrap,
            "test-producer",
            delivery_timeout_seconds=delivery_timeout_seconds,
            topic_prefix=self.prefix,
        )
        self._producers.append(producer)
        await producer.start()
        return producer

    async def fill(self, topic: str, values: Sequence[bytes], partition: int | None = None) -> None:
        batch = (await self.producer()).batch()
        for value in values:
            await batch.enqueue(topic, value, value, [], partition)
        await batch.flush()

    @asynccontextmanager
    async def consuming(
        self, topics: Sequence[str], handler: BatchHandler, group: str | None = None, **options: Any
    ) -> AsyncIterator[Consumer]:
        """Run a consumer inside the block; it must have ended well at the end."""
        stop = asyncio.Event()
        consumer = await self.consumer(topics, handler, group, **options)
        task = asyncio.create_task(consumer.run(stop))
        try:
            yield consumer
        finally:
            stop.set()
            async with asyncio.timeout(DEADLINE_SECONDS):
                await task

    async def consumer(
        self, topics: Sequence[str], handler: BatchHandler, group: str | None = None, **options: Any
    ) -> Consumer:
        options = {"transient": lambda error: isinstance(error, Transient), **options}
        if "dead_letters" not in options:
            options["dead_letters"] = await self.producer()
        return Consumer(
            self.bootstrap,
            group or self.group,
            topics,
            handler,
            client_id="test-consumer",
            consumer_name=GROUP,
            **options,
        )

    async def read(self, topic: str, count: int) -> list[Message]:
        """Return the first `count` records of a topic."""
        recorder = Recorder()
        async with self.consuming([topic], recorder, group=f"reader-{uuid4().hex[:6]}"):
            await until(lambda: len(recorder.messages) >= count)
        return recorder.messages

    def stopped(self, registry: CollectorRegistry, topic: str, cause: str) -> float | None:
        """Return how many of a topic's partitions have stopped for a cause."""
        labels = {"group": self.group, "topic": topic, "cause": cause}
        return registry.get_sample_value("bus_stopped_partitions", labels)

    async def close(self) -> None:
        for producer in self._producers:
            await producer.stop()


@pytest.fixture
async def bus(kafka_bootstrap: str, topic_prefix: str) -> AsyncIterator[BusHarness]:
    harness = BusHarness(kafka_bootstrap, topic_prefix)
    yield harness
    await harness.close()


class Network:
    """The way to the broker: every connection that this loop opens to it passes here and can be cut or stalled."""

    def __init__(self, broker_port: int) -> None:
        self._broker_port = broker_port
        self._loop = asyncio.get_running_loop()
        self._connect = self._loop.create_connection
        self._writers: set[asyncio.StreamWriter] = set()
        self._up = asyncio.Event()
        self._up.set()
        self._refusing = False
        self.refused = asyncio.Event()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]

        def reroute(factory: Any, host: Any = None, to_port: Any = None, **options: Any) -> Awaitable[Any]:
            return self._connect(factory, host, port if to_port == self._broker_port else to_port, **options)

        self._loop.create_connection = reroute  # type: ignore[method-assign,assignment]

    def cut(self) -> None:
        """Close every connection and refuse new ones."""
        self._refusing = True
        self._drop()

    def stall(self) -> None:
        """Leave connections open and let nothing through."""
        self._up.clear()

    def heal(self) -> None:
        self._refusing = False
        if not self._up.is_set():
            self._drop()
            self._up.set()

    async def close(self) -> None:
        self._loop.create_connection = self._connect  # type: ignore[method-assign]
        self.cut()
        self._up.set()
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    def _drop(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            self.refused.set()
            writer.transport.abort()
            return
        upstream_reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(upstream_reader)
        transport, _ = await self._connect(lambda: protocol, "127.0.0.1", self._broker_port)
        upstream_writer = asyncio.StreamWriter(transport, protocol, upstream_reader, self._loop)
        self._writers |= {writer, upstream_writer}
        try:
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._pump(reader, upstream_writer))
                pumps.create_task(self._pump(upstream_reader, writer))
        finally:
            for end in (writer, upstream_writer):
                self._writers.discard(end)
                end.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                await self._up.wait()
                writer.write(data)
                await writer.drain()
        writer.transport.abort()


@pytest.fixture
async def network(kafka_bootstrap: str) -> AsyncIterator[Network]:
    network = Network(int(kafka_bootstrap.rsplit(":", 1)[1]))
    await network.open()
    yield network
    await network.close()


@pytest.fixture
def empty_database(postgres_url: str) -> Iterator[str]:
    name = f"bus_{uuid4().hex[:10]}"
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
        yield postgres_url.rsplit("/", 1)[0] + f"/{name}"
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
async def database(empty_database: str) -> AsyncIterator[Database]:
    database = Database.from_url(empty_database, application_name="bus-tests")
    yield database
    await database.close()
