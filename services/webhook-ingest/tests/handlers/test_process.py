"""The deployed process: its server, its ports, its end."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from sync_common.bus import ensure_topics
from sync_common.contracts.stack import SERVICES

from ..process import IngestProcess, running_process
from .requests import post


@pytest.fixture
def service(kafka_bootstrap: str) -> Iterator[IngestProcess]:
    asyncio.run(ensure_topics(kafka_bootstrap, topics=SERVICES["webhook-ingest"].produces))
    with running_process(kafka_bootstrap) as service:
        yield service


async def test_process_takes_deliveries_and_ends_when_told(service: IngestProcess) -> None:
    assert b" 200 " in await service.raw(post())
    assert b" 401 " in await service.raw(post(signature=b"\xff\xfe"))
    assert b" 401 " in await service.raw(post(topic=b"orders/\xc3\xa9"))
    too_large = await service.whole(post(length=9_000_000, body=b"x" * 8_500_000))
    assert b" 413 " in too_large
    assert b"connection: close" in too_large

    log = service.stop()

    assert service.process.popen.returncode == 0
    assert "hush" not in log
    assert "Traceback" not in log


async def test_half_a_body_does_not_hold_the_others_up(service: IngestProcess) -> None:
    started = time.monotonic()
    slow = asyncio.create_task(service.raw(post(length=100)))
    await service.raw(post(length=100), end=True)

    assert b" 200 " in await service.raw(post())
    assert not slow.done()
    assert b" 408 " in await slow
    assert time.monotonic() - started < 4


async def test_process_without_kafka_runs_and_says_that_it_is_not_ready() -> None:
    with running_process("127.0.0.1:1", until=503) as service:
        started = time.monotonic()

        assert b" 503 " in await service.raw(post())

        assert time.monotonic() - started < 4
        assert b" 401 " in await service.raw(post(signature=b"wrong"))
