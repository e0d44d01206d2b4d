"""What webhook-ingest is measured against: the same server with less behind it.

`python -m benchmarks.bare_ingest KIND PORT BOOTSTRAP`. KIND is `server`, a bare ASGI app that reads and answers; `app`,
ours before a Kafka that acknowledges at once; or `verify`, a bare ASGI app that verifies and produces the same bytes.
"""

import base64
import hmac
import math
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import uvloop
from aiokafka import AIOKafkaProducer

from benchmarks.ingest import RECORD_HEADERS, RECORD_ID, SECRET, TOPIC
from sync_common.bus import Producer
from sync_common.bus.accumulator import Headers
from sync_common.contracts.topics import MAX_MESSAGE_BYTES
from sync_common.runtime import HttpServer, Readiness, SystemClock, configure_logging, run_service
from webhook_ingest.handlers import on_delivery
from webhook_ingest.http import WebhookApp
from webhook_ingest.limits import BodyMemory, WaitingRoom

Answer = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]


async def bare_server(scope: dict[str, Any], receive: Receive, send: Answer) -> None:
    """Read a body and answer 200."""
    await _body(receive)
    await _answer(send, 200)


class BareVerifier:
    """Verifies a body and answers 200 when Kafka has it: the least that any ingest must do."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._client: AIOKafkaProducer | None = None

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Answer) -> None:
        """Answer one delivery."""
        headers = dict(scope["headers"])
        body = await _body(receive)
        claimed = base64.b64decode(headers[b"x-shopify-hmac-sha256"])
        if not hmac.compare_digest(hmac.digest(SECRET.encode(), body, "sha256"), claimed):
            await _answer(send, 401)
            return
        client = self._client or await self._connected()
        key = headers[b"x-shopify-shop-domain"] + RECORD_ID
        await (await client.send(TOPIC, body, key, headers=RECORD_HEADERS))
        await _answer(send, 200)

    async def _connected(self) -> AIOKafkaProducer:
        client = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            acks="all",
            enable_idempotence=True,
            max_batch_size=256 * 1024,
            max_request_size=MAX_MESSAGE_BYTES,
        )
        await client.start()
        self._client = self._client or client
        return self._client


class AcknowledgesAtOnce(Producer):
    """Stands where the producer stands, to measure the app without Kafka."""

    async def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes,
        headers: Headers,
        partition: int | None = None,
        *,
        deadline: float = math.inf,
    ) -> None:
        """Keep nothing."""


def our_app() -> Any:
    """Return the app as the service runs it, but for Kafka."""
    return WebhookApp(
        secrets=(SECRET.encode(),),
        on_delivery=partial(
            on_delivery,
            producer=AcknowledgesAtOnce("", "bench"),
            waiting=WaitingRoom(size=4_000, share=500, at_once=64),
        ),
        clock=SystemClock(),
        answer_seconds=3.8,
        memory=BodyMemory(256 * 1024 * 1024),
    )


async def _body(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message["body"]
    while message["more_body"]:
        message = await receive()
        body += message["body"]
    return body


async def _answer(send: Answer, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


def main(kind: str, port: str, bootstrap: str) -> int:
    """Serve one of the kinds until told to stop."""
    configure_logging("bench", "error")
    apps: dict[str, Callable[[], Any]] = {
        "server": lambda: bare_server,
        "app": our_app,
        "verify": lambda: BareVerifier(bootstrap),
    }
    server = HttpServer(apps[kind](), "127.0.0.1", int(port), proxy_headers=False)
    return uvloop.run(run_service("bench", tasks={}, servers=[server], readiness=Readiness({})))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
