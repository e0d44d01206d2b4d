"""The runner between a real HTTP server that speaks the fetcher's protocol and a real broker and a writer."""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, StreamingResponse

from sync_common.bus import BatchHandler, Consumer, Done, Message, Outcome, Producer, ensure_topics
from sync_common.contracts.records import RawRecord, RecordType
from sync_common.contracts.resources import Resource
from sync_common.contracts.topics import TOPICS, live_topic, sync_topic
from sync_common.http import make_client
from sync_common.runtime import SystemClock
from sync_orchestrator.clients.fetcher import Fetcher
from sync_orchestrator.runner.jobs import JobRunner
from sync_orchestrator.runner.limits import Limits
from sync_orchestrator.runner.tools import Tools

from .mirror import Mirror

TOKEN = "a-shared-secret-of-tests"
OBSERVED = "2026-11-22T12:00:00Z"
CUT = "cut"
ENDED = ("completed", "failed", "cancelled")


async def until(condition: Callable[[], Any], deadline_seconds: float = 20) -> None:
    """Return once `condition` holds; fail after the deadline."""
    ends = time.monotonic() + deadline_seconds
    while not condition():
        assert time.monotonic() < ends, "the condition did not come true before the deadline"
        await asyncio.sleep(0.02)


def line(kind: str, **content: Any) -> bytes:
    """Return one line of the protocol."""
    return json.dumps({"type": kind, **content}, separators=(",", ":")).encode() + b"\n"


def page(first: int, count: int, cursor: str) -> list[bytes]:
    """Return records with consecutive ids and the safe point after them."""
    records = [
        line("record", id=str(number), observed_at=OBSERVED, body={"id": f"gid://shopify/X/{number}"})
        for number in range(first, first + count)
    ]
    return [*records, line("page", cursor=cursor, count=count)]


def whole(count: int) -> list[bytes]:
    """Return a stream that reads `count` records in one page."""
    began = line("started", observed_at=OBSERVED, shopify_time=OBSERVED)
    return [
        line("total", count=count),
        began,
        *page(1, count, "end"),
        line("done", count=count, objects=count),
    ]


@dataclass
class FetcherServer:
    """Plays the streams it is given, one a request; the last one again and again."""

    base_url: str = ""
    streams: dict[Resource, list[list[Any]]] = field(default_factory=dict)
    requests: dict[Resource, list[dict[str, str]]] = field(default_factory=lambda: defaultdict(list))
    nodes: dict[str, Any] = field(default_factory=dict)
    nodes_status: int = 200
    node_requests: list[list[str]] = field(default_factory=list)
    shop: dict[Resource, dict[str, datetime]] = field(default_factory=lambda: defaultdict(dict))
    counts_status: int = 200
    counts_code: str = "access_denied"
    asked: list[str] = field(default_factory=list)
    on_count: Callable[[], Any] = lambda: None

    def play(self, resource: Resource, *streams: list[Any]) -> None:
        """Answer a resource's requests with these streams."""
        self.streams[resource] = list(streams)

    def app(self) -> FastAPI:
        """Build the app."""
        app = FastAPI()

        @app.get("/v1/installations/{installation_id}/records/{resource}")
        async def records(request: Request, resource: Resource) -> Any:
            if request.headers["authorization"] != f"Bearer {TOKEN}":
                return JSONResponse({"code": "unauthorized", "message": "No."}, 401)
            self.requests[resource].append(dict(request.query_params))
            streams = self.streams.setdefault(resource, [whole(0)])
            steps = streams.pop(0) if len(streams) > 1 else streams[0]
            return StreamingResponse(_play(steps), media_type="application/x-ndjson")

        @app.post("/v1/installations/{installation_id}/nodes")
        async def nodes(request: Request) -> JSONResponse:
            wanted = await request.json()
            self.node_requests.append(wanted["ids"])
            answer = self.nodes or self._read_by_id(Resource(wanted["resource"]), wanted["ids"])
            return JSONResponse(answer, self.nodes_status)

        @app.post("/v1/installations/{installation_id}/counts")
        async def counts(request: Request) -> JSONResponse:
            self.asked.append("counts")
            self.on_count()
            wanted = await request.json()
            found = [len(self._listed(wanted, *ids)) for ids in wanted["ranges"]]
            refusal = {"code": self.counts_code, "message": "No.", "retryable": False}
            return JSONResponse(
                {"counts": found} if self.counts_status == 200 else refusal, self.counts_status
            )

        @app.post("/v1/installations/{installation_id}/ids")
        async def ids(request: Request) -> JSONResponse:
            self.asked.append("ids")
            wanted = await request.json()
            listed = self._listed(wanted, wanted["first"], wanted["last"])
            following = str(listed[250][0]) if len(listed) > 250 else None
            found = [{"id": str(number), "created_at": created} for number, created in listed[:250]]
            return JSONResponse({"ids": found, "more": following is not None, "next_first": following})

        return app

    def _listed(self, wanted: dict[str, Any], first: int | None, last: int | None) -> list[tuple[int, str]]:
        """Return the records of the shop within some bounds, in the order of their numbers."""
        until = datetime.fromisoformat(wanted["created_until"])
        records = sorted((int(number), created) for number, created in self.shop[wanted["resource"]].items())
        return [
            (number, created.isoformat())
            for number, created in records
            if created <= until and (first or 0) <= number <= (last or 2**63)
        ]

    def _read_by_id(self, resource: Resource, ids: list[str]) -> dict[str, Any]:
        shop = self.shop[resource]
        return {
            "observed_at": datetime.now(UTC).isoformat(),
            "records": [{"id": number, "body": {}} for number in ids if number in shop],
            "gone": [number for number in ids if number not in shop],
            "unseen": [],
        }


async def _play(steps: list[Any]) -> AsyncIterator[bytes]:
    for step in steps:
        if step is CUT:
            raise ConnectionResetError("cut by the test")
        if isinstance(step, asyncio.Event):
            await step.wait()
        else:
            yield step


@dataclass
class Writer:
    """Keeps the books as the record-writer does: a set of ids per part, and the marks it saw."""

    admin: "psycopg.Connection[dict[str, Any]]"
    shop: str
    loses: set[str] = field(default_factory=set)
    ids: dict[Resource, set[str]] = field(default_factory=lambda: defaultdict(set))
    records: list[RawRecord] = field(default_factory=list)
    marks: dict[Resource, set[int]] = field(default_factory=lambda: defaultdict(set))
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, batch: Sequence[Message]) -> Sequence[Outcome]:
        """Account for one batch."""
        await self.gate.wait()
        for message in batch:
            record = RawRecord.from_headers(message.headers, message.value or b"")
            if record.shop == self.shop:
                self._take(record, message.partition)
        return [Done()] * len(batch)

    def _take(self, record: RawRecord, partition: int) -> None:
        if record.type is RecordType.PART_ENDED:
            self.marks[record.resource].add(partition)
            self.admin.execute(
                "INSERT INTO records.job_marks (advertiser_id, job_id, resource, epoch, partition, store_id)"
                " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                [
                    record.advertiser_id,
                    record.job_id,
                    record.resource,
                    record.epoch,
                    partition,
                    record.store_id,
                ],
            )
            return
        self.records.append(record)
        if record.record_id in self.ids[record.resource] or record.record_id in self.loses:
            return
        self.ids[record.resource].add(record.record_id)
        self.admin.execute(
            "INSERT INTO records.job_tallies (advertiser_id, job_id, resource, epoch, store_id, created)"
            " VALUES (%s, %s, %s, %s, %s, 1)",
            [record.advertiser_id, record.job_id, record.resource, record.epoch, record.store_id],
        )


@pytest.fixture(scope="module")
def topics(kafka_bootstrap: str, topic_prefix: str) -> str:
    """Return the prefix of this run's record topics."""
    names = [name(resource) for resource in Resource for name in (sync_topic, live_topic)]
    asyncio.run(ensure_topics(kafka_bootstrap, topic_prefix, topics=[TOPICS[name] for name in names]))
    return topic_prefix


@pytest.fixture
def store(store: Any) -> Any:
    """Return a store whose shop no other test publishes for."""
    shop = f"{uuid4().hex[:12]}.myshopify.com"
    store.admin.execute("UPDATE sync.store_state SET shop_domain = %s", [shop])
    return replace(store, shop_domain=shop)


@pytest.fixture
async def producer(kafka_bootstrap: str, topics: str) -> AsyncIterator[Producer]:
    """Return a producer on this run's topics."""
    producer = Producer(kafka_bootstrap, "runner-test", topic_prefix=topics)
    await producer.start()
    yield producer
    await producer.stop()


@pytest.fixture
async def writer(store: Any, kafka_bootstrap: str, producer: Producer, admin: Any) -> AsyncIterator[Writer]:
    """Return a writer that consumes the sync topics."""
    writer = Writer(admin, store.shop_domain)
    writer.gate.set()
    topics = [sync_topic(resource) for resource in Resource]
    async with consuming(kafka_bootstrap, producer, topics, writer):
        yield writer
        writer.gate.set()


@asynccontextmanager
async def consuming(
    kafka_bootstrap: str, producer: Producer, topics: Sequence[str], handle: BatchHandler
) -> AsyncIterator[None]:
    """Give what comes in on some topics to a handler until the block ends."""
    consumer = Consumer(
        kafka_bootstrap,
        f"test-{uuid4().hex[:8]}",
        topics,
        handle,
        client_id="test",
        transient=lambda _: False,
        dead_letters=producer,
    )
    stop = asyncio.Event()
    task = asyncio.create_task(consumer.run(stop))
    await until(consumer.is_ready)
    try:
        yield
    finally:
        stop.set()
        await task


@pytest.fixture
def on_live_lane(kafka_bootstrap: str, producer: Producer, store: Any) -> Any:
    """Return how to give the live records of this test's shop to a function, one by one."""

    def giving(resource: Resource, take: Callable[[RawRecord], None]) -> Any:
        async def handle(batch: Sequence[Message]) -> Sequence[Outcome]:
            for message in batch:
                record = RawRecord.from_headers(message.headers, message.value or b"")
                if record.shop == store.shop_domain:
                    take(record)
            return [Done()] * len(batch)

        return consuming(kafka_bootstrap, producer, [live_topic(resource)], handle)

    return giving


@pytest.fixture
async def fetcher() -> AsyncIterator[FetcherServer]:
    """Return a server that speaks the fetcher's protocol."""
    played = FetcherServer()
    config = uvicorn.Config(
        played.app(), port=0, log_config=None, access_log=False, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    with _without_signals(server):
        task = asyncio.create_task(server.serve())
        await until(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        played.base_url = f"http://127.0.0.1:{port}"
        yield played
        server.should_exit = True
        await task


@contextmanager
def _without_signals(server: uvicorn.Server) -> Iterator[None]:
    server.capture_signals = _nothing  # type: ignore[method-assign]
    yield


@contextmanager
def _nothing() -> Iterator[None]:
    yield


@pytest.fixture
async def tools(database: Any, producer: Producer, fetcher: FetcherServer) -> AsyncIterator[Tools]:
    """Return the runner's tools, quick enough for tests."""
    client = make_client(base_url=fetcher.base_url, token=TOKEN)
    limits = Limits(
        claim_seconds=0.05,
        heartbeat_seconds=0.2,
        lease_seconds=5,
        books_seconds=0.05,
        books_waiting_seconds=0.05,
        cuts_max=3,
        cut_pause_seconds=0.01,
    )
    yield Tools(database, producer, Fetcher(client), SystemClock(), "replica-a", limits)
    await client.aclose()


@dataclass
class Rig:
    """One store, the fetcher before it and the writer behind it; replicas come and go."""

    store: Any
    fetcher: FetcherServer
    writer: Writer
    tools: Tools

    line = staticmethod(line)
    page = staticmethod(page)
    whole = staticmethod(whole)
    until = staticmethod(until)
    CUT = CUT

    @asynccontextmanager
    async def replica(self, owner: str = "replica-a", **limits: float) -> AsyncIterator[JobRunner]:
        """Run a replica until the block ends; then it drains as on SIGTERM."""
        tools = replace(self.tools, owner=owner, limits=replace(self.tools.limits, **limits))  # type: ignore[arg-type]
        stop = asyncio.Event()
        runner = JobRunner(tools)
        async with asyncio.TaskGroup() as group:
            for task in (runner.run, runner.keep_leases, runner.watch_books):
                group.create_task(task(stop))
            yield runner
            stop.set()

    def job(self) -> dict[str, Any]:
        """Return the store's first job as the pages show it."""
        first: dict[str, Any] = self.store.rows("SELECT * FROM sync.jobs_v1 ORDER BY job_id")[0]
        return first

    def published(self, resource: Resource) -> int:
        """Return how many records of a part are known to be acknowledged."""
        return next((part["published"] for part in self.job()["parts"] if part["resource"] == resource), 0)

    async def ended(self) -> dict[str, Any]:
        """Wait for the first job's end and return it."""
        await until(lambda: self.job()["status"] in ENDED)
        return self.job()


@pytest.fixture
def rig(store: Any, fetcher: FetcherServer, writer: Writer, tools: Tools) -> Rig:
    """Return everything a test of the runner needs."""
    return Rig(store, fetcher, writer, tools)


@pytest.fixture
async def mirror(rig: Any, on_live_lane: Any) -> AsyncIterator[Mirror]:
    """Return a store that was synced once, and whose customers alone may be read."""
    rig.store.grant("read_customers")
    rig.store.admin.execute(
        "DELETE FROM records.contacts; UPDATE sync.store_state SET initial_sync_completed = true"
    )
    mirror = Mirror(rig, [])

    async with on_live_lane(Resource.CUSTOMERS, lambda record: mirror.apply(record)):
        yield mirror
    rig.store.admin.execute("DELETE FROM records.contacts")
