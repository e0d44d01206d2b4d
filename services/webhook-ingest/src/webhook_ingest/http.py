"""The one route: read, verify, publish, answer. Every answer comes within Shopify's five seconds.

A bare ASGI app: it is the platform's hottest path, and nothing may stand between Shopify's bytes and the signature.
"""

import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from sync_common.contracts.topics import MAX_MESSAGE_BYTES
from sync_common.runtime import Clock
from webhook_ingest import metrics
from webhook_ingest.domain.delivery import Delivery, path_topic, received
from webhook_ingest.domain.headers import DeliveryHeaders, read_headers
from webhook_ingest.domain.signature import is_signed
from webhook_ingest.errors import NotDurable, Refused, TooLarge, TooSlow, Unauthenticated
from webhook_ingest.limits import BodyMemory
from webhook_ingest.protocol import BEGAN
from webhook_ingest.suspicions import Suspicions

PATH: Final = "/webhooks/shopify"
# A record's key and headers share the message-size limit with the body.
BODY_BYTES_MAX: Final = MAX_MESSAGE_BYTES - 16 * 1024

_EMPTY: Final = (b"content-length", b"0")
_CLOSE: Final = (b"connection", b"close")

log = structlog.get_logger()

OnDelivery = Callable[[Delivery, float], Awaitable[None]]
"""Takes a delivery and until when, by the event loop's time, it must be durable."""
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class WebhookApp:
    """Answers POST /webhooks/shopify and /webhooks/shopify/{topic}."""

    secrets: Sequence[bytes]
    on_delivery: OnDelivery
    clock: Clock
    answer_seconds: float
    memory: BodyMemory
    suspicions: Suspicions = field(default_factory=Suspicions)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request, and end its connection where the body was not read to its end."""
        path: str = scope["path"]
        if path == PATH or path.startswith(f"{PATH}/"):
            status, is_read = await self._answer(scope, receive)
        else:
            status, is_read = 404, False
        headers = [_EMPTY] if is_read else [_EMPTY, _CLOSE]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async def _answer(self, scope: Message, receive: Receive) -> tuple[int, bool]:
        """Return 200 once the delivery is durable, else 401, 408, 413 or 503; and whether all of it was read."""
        began: float = scope.get("state", {}).get(BEGAN) or time.monotonic()
        body: bytes | None = None
        headers: DeliveryHeaders | None = None
        outcome, status = "published", 200
        try:
            if scope["method"] != "POST":
                raise Unauthenticated("odd_method", "Shopify posts")
            body = await _read_body(receive, self.memory)
            headers = self._authenticated(scope, body)
            await self.on_delivery(received(headers, body, self.clock.now()), began + self.answer_seconds)
        except Refused as refused:
            outcome, status = refused.outcome, refused.status
        except Exception:
            log.exception("delivery failed")
            outcome, status = NotDurable.outcome, NotDurable.status  # Shopify retries it as it would a 500
        finally:
            if body is not None:
                self.memory.give_back(len(body))
        metrics.ANSWER_SECONDS.observe(time.monotonic() - began)
        self._note(headers, outcome, status)
        return status, body is not None

    def _authenticated(self, scope: Message, body: bytes) -> DeliveryHeaders:
        headers = read_headers(scope["headers"])
        if not is_signed(body, headers.signature, self.secrets):
            raise Unauthenticated("bad_signature", "the signature is missing or wrong")
        # The path may repeat the topic, never decide it: the header is what Shopify wrote.
        named: str = scope["path"][len(PATH) :]
        if named and named != f"/{path_topic(headers.topic)}":
            raise Unauthenticated("wrong_path", "the path names another topic than the header")
        return headers

    def _note(self, headers: DeliveryHeaders | None, outcome: str, status: int) -> None:
        topic = metrics.topic_label(headers.topic if headers else None)
        metrics.DELIVERIES.count(topic, outcome)
        if status != 200:
            self.suspicions.note(outcome, status, topic)


async def _read_body(receive: Receive, memory: BodyMemory) -> bytes:
    """Read the raw bytes, and stop at the first one too many. What is returned is the caller's to give back."""
    chunks: list[bytes] = []
    held, more = 0, True
    try:
        while more:
            message = await receive()
            if message["type"] != "http.request":
                raise TooSlow("the sender went away")
            chunk: bytes = message.get("body", b"")
            more = message.get("more_body", False)
            if held + len(chunk) > BODY_BYTES_MAX:
                raise TooLarge("the body exceeds the message-size limit")
            memory.take(len(chunk))
            held += len(chunk)
            chunks.append(chunk)
    except BaseException:
        memory.give_back(held)
        raise
    return b"".join(chunks)
