"""One shop storms: the others are served as before, and memory stays where it was."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from shopify_simulator.webhooks.rush import delivery, rush
from sync_common.bus import ensure_topics
from sync_common.contracts.stack import SERVICES

from ..process import SECRET, running_process

OTHERS = 49
EACH_PER_SECOND = 2
TIMES = 100
STORM_CONNECTIONS = 200
GROWTH_BYTES_MAX = 100 * 1024 * 1024
BODY = b'{"id": 1, "note": "' + b"x" * 3_000 + b'"}'


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seconds", [6, pytest.param(30, marks=pytest.mark.soak)])
async def test_storm_of_one_shop_does_not_reach_the_others(kafka_bootstrap: str, seconds: int) -> None:
    await ensure_topics(kafka_bootstrap, topics=SERVICES["webhook-ingest"].produces)
    stormed: list[int] = []
    served: list[tuple[int, float]] = []
    with running_process(kafka_bootstrap) as ingest:
        before = ingest.resident_bytes
        ends = time.monotonic() + seconds
        storm = rush(
            "127.0.0.1",
            ingest.http_port,
            _until(ends, _delivery("storm")),
            connections=STORM_CONNECTIONS,
            on_answer=lambda number, status, took: stormed.append(status),
        )
        others = (_steady(ingest.http_port, f"shop-{number}", ends, served) for number in range(OTHERS))
        await asyncio.gather(storm, *others)
        grown = ingest.resident_bytes - before
        print(
            "OUT",
            await ingest.counted("crowded"),
            await ingest.counted("not_durable"),
            len(stormed),
            stormed.count(503),
            sorted(t for s, t in served if s == 503)[:5],
            sorted(t for s, t in served)[-5:],
            grown,
            ingest.log_path.read_text()[-1500:],
        )

    assert len(stormed) >= TIMES * EACH_PER_SECOND * seconds
    assert set(stormed) == {200}
    assert {status for status, _ in served} == {200}
    assert sorted(took for _, took in served)[int(0.99 * len(served))] < 1
    assert grown < GROWTH_BYTES_MAX


async def _steady(port: int, shop: str, ends: float, served: list[tuple[int, float]]) -> None:
    """Send one delivery after the other at an even pace."""
    request = _delivery(shop)
    while (began := time.monotonic()) < ends:
        await rush(
            "127.0.0.1",
            port,
            iter([request]),
            connections=1,
            on_answer=lambda number, status, took: served.append((status, took)),
        )
        await asyncio.sleep(began + 1 / EACH_PER_SECOND - time.monotonic())


def _until(ends: float, request: bytes) -> Iterator[bytes]:
    while time.monotonic() < ends:
        yield request


def _delivery(name: str) -> bytes:
    shop = f"{name}.myshopify.com"
    return delivery(BODY, secret=SECRET, topic="orders/updated", shop=shop, webhook_id=name)
