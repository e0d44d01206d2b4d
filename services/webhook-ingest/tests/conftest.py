"""A real broker with topics of this run's own, a proxy before it, and the app as it is deployed."""

import asyncio
import base64
import hmac
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from hashlib import sha256

import httpx
import pytest
from aiokafka import ConsumerRecord

from sync_common.bus import Producer, ensure_topics
from sync_common.contracts.stack import SERVICES
from sync_common.runtime import SystemClock
from webhook_ingest.handlers import on_delivery
from webhook_ingest.http import WebhookApp
from webhook_ingest.limits import BodyMemory, WaitingRoom

from .process import published

SECRET = b"hush"
SHOP = "acme.myshopify.com"


@dataclass
class Ingest:
    """The service's app over HTTP, and a reader of what it published."""

    client: httpx.AsyncClient
    bootstrap: str
    prefix: str
    secrets: tuple[bytes, ...] = (SECRET, b"previous")

    def sign(self, body: bytes, secret: bytes = SECRET) -> str:
        """Sign a body as Shopify does."""
        return base64.b64encode(hmac.new(secret, body, sha256).digest()).decode()

    async def deliver(
        self, body: bytes, topic: str = "orders/updated", *, path: str = "", **headers: str
    ) -> httpx.Response:
        """Send a signed delivery; headers given by keyword replace Shopify's."""
        genuine = {
            "X-Shopify-Topic": topic,
            "X-Shopify-Shop-Domain": SHOP,
            "X-Shopify-Hmac-Sha256": self.sign(body),
            "X-Shopify-API-Version": "2026-10",
            "X-Shopify-Webhook-Id": "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
            "X-Shopify-Triggered-At": "2026-11-22T10:00:00.123456789Z",
        }
        changed = {f"X-Shopify-{name.replace('_', '-').title()}": value for name, value in headers.items()}
        raw = {
            name.lower().encode(): value.encode("latin-1") for name, value in {**genuine, **changed}.items()
        }
        return await self.client.post(f"/webhooks/shopify{path}", content=body, headers=raw)

    async def published(self, topic: str) -> list[ConsumerRecord]:
        """Return everything on a topic, up to what is there now."""
        return await published(self.bootstrap, self.prefix + topic)


class KafkaProxy:
    """A TCP proxy before a broker: cuts and silences connections.

    Clients learn the broker's address from the broker, so the proxy puts its own port into those answers.
    """

    def __init__(self, bootstrap: str) -> None:
        self._host, port = bootstrap.rsplit(":", 1)
        self._upstream = int(port)
        self._writers: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.port = 0

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Refuse new connections and end the open ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            writer.transport.abort()

    def silence(self) -> None:
        """Keep connections open and pass nothing on, as a lost network does."""
        self._flowing.clear()

    async def stop(self) -> None:
        self._flowing.set()
        while self._serving:  # a connection may have been opening while the others were cut
            await self.cut()
            await asyncio.wait(self._serving, timeout=1)
        await self.cut()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            up_reader, up_writer = await asyncio.open_connection(self._host, self._upstream)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, up_writer}
        name = self._host.encode()
        ours = (name + struct.pack(">i", self._upstream), name + struct.pack(">i", self.port))
        try:
            await asyncio.gather(self._pump(reader, up_writer), self._pump(up_reader, writer, replace=ours))
        finally:
            for end in (writer, up_writer):
                self._writers.discard(end)
                end.transport.abort()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        replace: tuple[bytes, bytes] | None = None,
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(1 << 20):
                await self._flowing.wait()
                writer.write(data.replace(*replace) if replace else data)
                await writer.drain()
            writer.transport.abort()


@asynccontextmanager
async def running_ingest(bootstrap: str, broker: str, prefix: str) -> AsyncIterator[Ingest]:
    """Run the app on a producer at `bootstrap`; read back from `broker`."""
    producer = Producer(bootstrap, "ingest-test", delivery_timeout_seconds=3, topic_prefix=prefix)
    ingest = Ingest(httpx.AsyncClient(), broker, prefix)
    app = WebhookApp(
        secrets=ingest.secrets,
        on_delivery=partial(
            on_delivery, producer=producer, waiting=WaitingRoom(size=4_000, share=500, at_once=64)
        ),
        clock=SystemClock(),
        answer_seconds=3.8,
        memory=BodyMemory(64 * 1024 * 1024),
    )
    ingest.client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://ingest", timeout=10
    )
    try:
        yield ingest
        assert app.memory.held == 0
    finally:
        await ingest.client.aclose()
        await producer.stop()


@pytest.fixture(scope="module")
def topics(kafka_bootstrap: str, topic_prefix: str) -> str:
    """Return the prefix under which ingest's topics were made."""
    asyncio.run(ensure_topics(kafka_bootstrap, topic_prefix, topics=SERVICES["webhook-ingest"].produces))
    return topic_prefix


@pytest.fixture
async def ingest(kafka_bootstrap: str, topics: str) -> AsyncIterator[Ingest]:
    async with running_ingest(kafka_bootstrap, kafka_bootstrap, topics) as running:
        yield running


@pytest.fixture
async def proxy(kafka_bootstrap: str) -> AsyncIterator[KafkaProxy]:
    proxy = KafkaProxy(kafka_bootstrap)
    await proxy.start()
    yield proxy
    await proxy.stop()


@pytest.fixture
async def cuttable(proxy: KafkaProxy, kafka_bootstrap: str, topics: str) -> AsyncIterator[Ingest]:
    """Return an app whose way to Kafka leads through the proxy."""
    async with running_ingest(proxy.bootstrap, kafka_bootstrap, topics) as running:
        yield running
