"""The deployed process: its server, its ports, its end."""

import asyncio
import base64
import hmac
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256

import httpx
import pytest

from sync_common.bus import ensure_topics
from sync_common.contracts.stack import SERVICES

BODY = b'{"id": 1}'
SIGNATURE = base64.b64encode(hmac.new(b"hush", BODY, sha256).digest())


@dataclass
class Running:
    """A process and where it listens."""

    process: asyncio.subprocess.Process
    http_port: int
    ops_port: int

    async def raw(self, request: bytes, *, end: bool = False) -> bytes:
        """Send bytes as they are; return the first line of the answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.http_port)
        try:
            writer.write(request)
            if end:
                writer.write_eof()
            async with asyncio.timeout(10):
                return await reader.readline()
        finally:
            writer.close()

    async def ready(self) -> int:
        async with httpx.AsyncClient() as client:
            try:
                return (await client.get(f"http://127.0.0.1:{self.ops_port}/readyz")).status_code
            except httpx.TransportError:
                return 0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@asynccontextmanager
async def running(bootstrap: str, *, until: int) -> AsyncIterator[Running]:
    """Run the service until its readiness answers as `until` says."""
    http_port, ops_port = free_port(), free_port()
    told = {
        "INGEST_ENVIRONMENT": "development",
        "INGEST_KAFKA_BOOTSTRAP": bootstrap,
        "INGEST_HTTP_PORT": str(http_port),
        "INGEST_OPS_PORT": str(ops_port),
        "INGEST_CLIENT_SECRETS": "hush",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "webhook_ingest", env={**os.environ, **told}, stdout=asyncio.subprocess.PIPE
    )
    service = Running(process, http_port, ops_port)
    try:
        async with asyncio.timeout(30):
            while await service.ready() != until:  # noqa: ASYNC110 - a process can only be asked
                await asyncio.sleep(0.05)
        yield service
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.fixture
async def service(kafka_bootstrap: str) -> AsyncIterator[Running]:
    await ensure_topics(kafka_bootstrap, topics=SERVICES["webhook-ingest"].produces)
    async with running(kafka_bootstrap, until=200) as service:
        yield service


def request(
    body: bytes = BODY,
    *,
    topic: bytes = b"orders/updated",
    signature: bytes = SIGNATURE,
    length: int | None = None,
) -> bytes:
    return (
        b"POST /webhooks/shopify HTTP/1.1\r\nHost: ingest\r\nX-Shopify-Topic: " + topic + b"\r\n"
        b"X-Shopify-Shop-Domain: acme.myshopify.com\r\nX-Shopify-Hmac-Sha256: " + signature + b"\r\n"
        b"Content-Length: %d\r\n\r\n" % (len(body) if length is None else length)
    ) + body


async def test_process_takes_deliveries_and_ends_when_told(service: Running) -> None:
    assert b" 200 " in await service.raw(request())
    assert b" 401 " in await service.raw(request(signature=b"\xff\xfe"))
    assert b" 401 " in await service.raw(request(topic=b"orders/\xc3\xa9"))
    assert b" 413 " in await service.raw(request(length=9_000_000, body=b"x" * 8_500_000))

    service.process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(20):
        log, _ = await service.process.communicate()

    assert service.process.returncode == 0
    assert b"hush" not in log
    assert b"Traceback" not in log


async def test_half_a_body_does_not_hold_the_others_up(service: Running) -> None:
    started = time.monotonic()
    slow = asyncio.create_task(service.raw(request(length=100)))
    await service.raw(request(length=100), end=True)

    assert b" 200 " in await service.raw(request())
    assert not slow.done()
    assert b" 408 " in await slow
    assert time.monotonic() - started < 5


async def test_process_without_kafka_runs_and_says_that_it_is_not_ready() -> None:
    async with running("127.0.0.1:1", until=503) as service:
        started = time.monotonic()

        assert b" 503 " in await service.raw(request())

        assert time.monotonic() - started < 4
        assert b" 401 " in await service.raw(request(signature=b"wrong"))
