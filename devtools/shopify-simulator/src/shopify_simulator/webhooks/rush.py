"""Sends prepared deliveries as fast as an address answers, over a fixed number of connections.

It sends bytes as they are, well formed or not, and keeps nothing of an answer but its status: a client that costs the
machine little, so that what is measured is the server.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from typing import cast

from shopify_simulator.signatures import body_signature

_RECONNECT_SECONDS = 0.02
_LENGTH = b"content-length:"

OnAnswer = Callable[[int, int, float], None]
"""Takes a request's number, its status (0: the connection was lost first) and the seconds it took."""


def delivery(
    body: bytes,
    *,
    secret: str,
    topic: str,
    shop: str,
    webhook_id: str,
    path: str = "/webhooks/shopify",
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """Return one signed delivery as it goes over the wire; `headers` replace Shopify's or come on top."""
    all_headers = {
        "Host": "ingest",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "X-Shopify-Topic": topic,
        "X-Shopify-Shop-Domain": shop,
        "X-Shopify-Hmac-Sha256": body_signature(secret, body),
        "X-Shopify-API-Version": "2026-10",
        "X-Shopify-Webhook-Id": webhook_id,
        "X-Shopify-Event-Id": webhook_id,
        "X-Shopify-Triggered-At": "2026-11-22T10:00:00.123456789Z",
        **(headers or {}),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in all_headers.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body


async def rush(
    host: str, port: int, requests: Iterator[bytes], *, connections: int, on_answer: OnAnswer
) -> None:
    """Send every request once, each connection its next one when the last is answered; none is sent again.

    A connection that is lost or refused is opened anew, for as long as it takes; the request under way has got no
    answer then, which is told as status 0.
    """
    numbered = enumerate(requests)
    await asyncio.gather(*(_keep_sending(host, port, numbered, on_answer) for _ in range(connections)))


async def _keep_sending(
    host: str, port: int, requests: Iterator[tuple[int, bytes]], on_answer: OnAnswer
) -> None:
    loop = asyncio.get_running_loop()
    line = _Line(requests, on_answer)
    while not line.is_done:
        try:
            await loop.create_connection(line.opened, host, port)
        except OSError:
            await asyncio.sleep(_RECONNECT_SECONDS)
        else:
            await line.ended.wait()


class _Line(asyncio.Protocol):
    """One connection after the other, one request at a time."""

    def __init__(self, requests: Iterator[tuple[int, bytes]], on_answer: OnAnswer) -> None:
        self._requests = requests
        self._on_answer = on_answer
        self._transport: asyncio.Transport | None = None
        self._number: int | None = None
        self._sent_at = 0.0
        self._received = b""
        self.is_done = False
        self.ended = asyncio.Event()

    def opened(self) -> "_Line":
        """Begin a new connection."""
        self.ended.clear()
        self._received = b""
        return self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but name
        self._send_next()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, rest = self._received.partition(b"\r\n\r\n")
        if not found or len(rest) < _content_length(head):
            return
        self._received = b""
        self._answered(int(head[9:12]))
        if b"connection: close" in head.lower():
            self._close()
        else:
            self._send_next()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._number is not None:
            self._answered(0)
        self.ended.set()

    def _send_next(self) -> None:
        number, request = next(self._requests, (None, b""))
        if number is None:
            self.is_done = True
            self._close()
            return
        self._number, self._sent_at = number, time.perf_counter()
        if self._transport is not None:
            self._transport.write(request)

    def _answered(self, status: int) -> None:
        number, self._number = self._number, None
        if number is not None:
            self._on_answer(number, status, time.perf_counter() - self._sent_at)

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def _content_length(head: bytes) -> int:
    lower = head.lower()
    at = lower.find(_LENGTH)
    return int(lower[at + len(_LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0
