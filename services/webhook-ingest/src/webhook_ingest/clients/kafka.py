"""Whether Kafka can be used, asked at start and by the readiness probe."""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Final

import structlog

from sync_common.bus import DeliveryFailed, Producer

_CONNECT_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 1.0

log = structlog.get_logger()


async def keep_connected(stop: asyncio.Event, *, producer: Producer, topics: Iterable[str]) -> None:
    """Connect and get to know the topics as soon as Kafka is there, then wait for `stop`.

    Until then deliveries are answered 503, which Shopify retries: better than not running. A topic's first delivery
    must not wait for what can be asked before: in a storm each question takes long.
    """
    while not stop.is_set():
        try:
            for topic in topics:
                await producer.partitions(topic)
        except DeliveryFailed:
            log.warning("kafka is not there yet")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _RETRY_SECONDS)
        else:
            break
    await stop.wait()


async def is_usable(producer: Producer, bootstrap: str) -> bool:
    """Say whether a broker accepts connections and the producer has one.

    Asking also reconnects: an unready replica gets no deliveries that would make it try.
    """
    servers = [server.strip().rsplit(":", 1) for server in bootstrap.split(",")]
    answers = await asyncio.gather(*(_accepts(host, int(port)) for host, port in servers))
    if not any(answers):
        return False
    await producer.start()
    return producer.is_connected()


async def _accepts(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
