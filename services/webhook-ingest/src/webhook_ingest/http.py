"""The one route: read, verify, publish, answer. Every answer comes within Shopify's five seconds."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from sync_common.contracts.topics import MAX_MESSAGE_BYTES
from sync_common.runtime import Clock
from webhook_ingest import metrics
from webhook_ingest.domain.delivery import Delivery, path_topic
from webhook_ingest.domain.headers import DeliveryHeaders, read_headers
from webhook_ingest.domain.signature import is_signed
from webhook_ingest.errors import NotDurable, Refused, TooLarge, TooSlow, Unauthenticated
from webhook_ingest.limits import BodyMemory

# A record's key and headers share the message-size limit with the body.
BODY_BYTES_MAX: Final = MAX_MESSAGE_BYTES - 16 * 1024

log = structlog.get_logger()

OnDelivery = Callable[[Delivery], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """Answers POST /webhooks/shopify and /webhooks/shopify/{topic}."""

    secrets: Sequence[bytes]
    on_delivery: OnDelivery
    clock: Clock
    answer_seconds: float
    memory: BodyMemory

    async def answer(self, request: Request) -> Response:
        """Answer 200 once the delivery is durable; 401, 408, 413 or 503 otherwise, and nothing else."""
        started = self.clock.monotonic()
        headers: DeliveryHeaders | None = None
        outcome, status = "published", 200
        try:
            with self.memory.account() as take:
                async with asyncio.timeout(self.answer_seconds):
                    body = await _read_body(request, take)
                    headers = self._authenticated(request, body)
                    await self.on_delivery(Delivery(headers, body, self.clock.now()))
        except Refused as refused:
            outcome, status = refused.outcome, refused.status
        except (TimeoutError, ClientDisconnect):
            late = NotDurable if headers else TooSlow
            outcome, status = late.outcome, late.status
        except Exception:
            log.exception("delivery failed")
            outcome, status = NotDurable.outcome, NotDurable.status  # Shopify retries it as it would a 500
        self._note(headers, outcome, status, self.clock.monotonic() - started)
        return Response(status_code=status)

    def _authenticated(self, request: Request, body: bytes) -> DeliveryHeaders:
        headers = read_headers(request.headers.raw)
        if not is_signed(body, headers.signature, self.secrets):
            raise Unauthenticated("the signature is missing or wrong")
        # The path may repeat the topic, never decide it: the header is what Shopify wrote.
        named = request.path_params.get("topic")
        if named is not None and named != path_topic(headers.topic):
            raise Unauthenticated("the path names another topic than the header")
        return headers

    def _note(self, headers: DeliveryHeaders | None, outcome: str, status: int, seconds: float) -> None:
        topic = metrics.topic_label(headers.topic if headers else None)
        metrics.DELIVERIES.labels(topic=topic, outcome=outcome).inc()
        metrics.ANSWER_SECONDS.observe(seconds)
        if status == 200:
            log.debug("delivery", outcome=outcome, status=status, webhook_topic=topic)
        else:
            log.warning("delivery", outcome=outcome, status=status, webhook_topic=topic)


async def _read_body(request: Request, take: Callable[[int], None]) -> bytes:
    """Read the raw bytes, and stop at the first one too many."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > BODY_BYTES_MAX:
            raise TooLarge("the body exceeds the message-size limit")
        take(len(chunk))
        chunks.append(chunk)
    return b"".join(chunks)


def create_app(endpoint: WebhookEndpoint) -> Starlette:
    """Build the public app. Its routes are bare: no model stands between Shopify's bytes and the signature."""

    async def receive(request: Request) -> Response:
        return await endpoint.answer(request)

    paths = ("/webhooks/shopify", "/webhooks/shopify/{topic}")
    app = Starlette(routes=[Route(path, receive, methods=["POST"]) for path in paths])
    app.router.redirect_slashes = False  # Shopify counts a redirect as a failure
    return app
