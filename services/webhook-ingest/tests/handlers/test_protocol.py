"""What only the server itself can refuse: requests that never end, are no HTTP, or are too many."""

import asyncio
import json
import time
from collections.abc import Iterator

import pytest

from sync_common.bus import ensure_topics
from sync_common.contracts.stack import SERVICES
from webhook_ingest.protocol import HEADER_BYTES_MAX

from ..process import IngestProcess, running_process
from .requests import post

CONNECTIONS_MAX = 20
ODD = [
    b"",
    b"\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS to a port that speaks none
    b"GET /webhooks/shopify\r\n\r\n",
    b"FOO /webhooks/shopify HTTP/1.1\r\nHost: x\r\n\r\n",
    b"post /webhooks/shopify HTTP/1.1\r\nHost: x\r\n\r\n",
    b"CONNECT ingest:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /webhooks/shopify HTTP/9.9\r\nHost: x\r\n\r\n",
    b"POST /webhooks/shopif\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /webhooks/shopify HTTP/1.1\r\nX-Shopify-Topic: a\x00b\r\n\r\n",
    b"POST /webhooks/shopify HTTP/1.1\r\nX-Shopify-Topic : orders/updated\r\n\r\n",
    b"POST /webhooks/shopify HTTP/1.1\r\nX-Shopify-Topic: a\rb\r\n\r\n",
    b"POST /webhooks/shopify HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    b"POST /webhooks/shopify HTTP/1.1\r\nContent-Length: many\r\n\r\n",
    b"POST /webhooks/shopify HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    b"POST /webhooks/shopify HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /webhooks/shopify HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST /webhooks/shopify HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
]


@pytest.fixture(scope="module")
def impatient(kafka_bootstrap: str) -> Iterator[IngestProcess]:
    """Return a service that waits half a second for a request, and for few connections."""
    asyncio.run(ensure_topics(kafka_bootstrap, topics=SERVICES["webhook-ingest"].produces))
    with running_process(
        kafka_bootstrap, INGEST_ARRIVAL_SECONDS="0.5", INGEST_CONNECTIONS_MAX=str(CONNECTIONS_MAX)
    ) as service:
        yield service


@pytest.mark.parametrize("request_bytes", ODD)
async def test_what_is_no_delivery_proves_nothing_and_is_no_error(
    impatient: IngestProcess, request_bytes: bytes
) -> None:
    line = await impatient.raw(request_bytes, end=True)

    assert line[9:12] in (b"", b"401", b"404", b"408")
    assert b" 200 " in await impatient.raw(post())


async def test_headers_without_end_are_cut_off(impatient: IngestProcess) -> None:
    before = await impatient.counted("endless_headers")

    answer = await impatient.whole(b"POST /webhooks/shopify HTTP/1.1\r\nX: " + b"x" * (HEADER_BYTES_MAX + 1))

    assert b" 401 " in answer
    assert b"connection: close" in answer
    assert await impatient.counted("endless_headers") == before + 1


async def test_headers_that_do_not_come_are_given_up(impatient: IngestProcess) -> None:
    before = await impatient.counted("slow_headers")
    started = time.monotonic()

    assert b" 408 " in await impatient.raw(b"POST /webhooks/shopify HTTP/1.1\r\nX-Shopify")

    assert 0.4 < time.monotonic() - started < 4
    assert await impatient.counted("slow_headers") == before + 1


async def test_second_request_of_a_connection_is_held_to_the_same_time(impatient: IngestProcess) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", impatient.http_port)
    try:
        writer.write(post())
        assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
        writer.write(post(length=100))
        async with asyncio.timeout(4):
            assert b" 408 " in await reader.read()
    finally:
        writer.close()


async def test_body_that_trickles_is_given_up_whatever_its_pace(impatient: IngestProcess) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", impatient.http_port)
    started = time.monotonic()
    try:
        writer.write(post(body=b"", length=1_000))
        answer = asyncio.create_task(reader.read())
        async with asyncio.timeout(4):
            while not answer.done():
                writer.write(b"x")
                await asyncio.wait([answer], timeout=0.05)
        assert b" 408 " in await answer
        assert time.monotonic() - started > 0.4
    finally:
        writer.close()


async def test_connection_that_says_nothing_is_closed_without_a_word(impatient: IngestProcess) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", impatient.http_port)
    try:
        async with asyncio.timeout(4):
            assert await reader.read() == b""
    finally:
        writer.close()


async def test_connections_over_the_limit_are_closed_and_the_others_served(kafka_bootstrap: str) -> None:
    with running_process(kafka_bootstrap, INGEST_CONNECTIONS_MAX=str(CONNECTIONS_MAX)) as service:
        opened = [
            await asyncio.open_connection("127.0.0.1", service.http_port) for _ in range(CONNECTIONS_MAX + 5)
        ]
        await asyncio.gather(
            *(reader.read() for reader, _ in opened[CONNECTIONS_MAX:]), return_exceptions=True
        )

        reader, writer = opened[0]
        writer.write(post())

        assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
        assert await service.counted("too_many_connections") == 5
        for _, other in opened:
            other.close()


async def test_flood_of_refusals_is_counted_and_logged_once_a_second(kafka_bootstrap: str) -> None:
    with running_process(kafka_bootstrap) as service:
        started = time.monotonic()
        for _ in range(200):
            assert b" 401 " in await service.raw(post(signature=b"wrong"))
        seconds = time.monotonic() - started

        assert await service.counted("bad_signature") == 200
        log = [json.loads(line) for line in service.stop().splitlines()]

    refusals = [line for line in log if line["event"] == "refused"]
    assert 1 <= len(refusals) <= seconds + 1
    assert sum(1 + line["unsaid"] for line in refusals) <= 200
    assert {line["outcome"] for line in refusals} == {"bad_signature"}
