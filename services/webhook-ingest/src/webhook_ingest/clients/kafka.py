"""Whether Kafka can be used, asked at start and by the readiness probe."""

import asyncio
import contextlib
from typing import Final

import structlog

from sync_common.bus import DeliveryFailed, Producer, check_topics
from sync_common.contracts.stack import SERVICES
from sync_common.contracts.topics import WEBHOOK_INGEST

_CONNECT_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 1.0

log = structlog.get_logger()


async def keep_connected(
    stop: asyncio.Event, *, producer: Producer, bootstrap: str, production: bool
) -> None:
    """Connect as soon as Kafka is there, check the topics, then wait for `stop`.

    Until then deliveries are answered 503, which Shopify retries: better than not running. In production topics
    that could lose an acknowledged record raise TopicMismatch and so end the process.
    """
    while not stop.is_set():
        try:
            await producer.start()
        except DeliveryFailed:
            log.warning("kafka is not there yet")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _RETRY_SECONDS)
        else:
            await check_topics(bootstrap, SERVICES[WEBHOOK_INGEST].produces, production=production)
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
