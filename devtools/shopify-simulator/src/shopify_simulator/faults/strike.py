"""Does to a request what a fault says: instead of its answer, or to its answer."""

import asyncio
import math
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from shopify_simulator.faults.fault import FILE_EFFECTS, Fault
from shopify_simulator.faults.rewrites import Answer, rewrite

# A drop at least so often, so that a limit on the pause between two reads never ends a slow answer.
DRIP_SECONDS = 0.2
DRIP_PIECES_MIN = 10


async def strike(
    fault: Fault, app: Any, scope: Scope, receive: Receive, send: Send, *, body: bytes, throttled: bytes
) -> None:
    """Let a fault strike a request, whose body was read already; `throttled` is the answer of an empty bucket."""
    if fault.delay_seconds and fault.effect != "drip":
        await asyncio.sleep(fault.delay_seconds)
    if fault.effect == "delay":
        await app(scope, receive, send)
    elif fault.effect == "drop":
        await app(scope, receive, CutAfter(send, fault.after_bytes))
    elif fault.effect == "throttled":
        await _send_own(send, 200, throttled, "application/json", {})
    elif fault.effect in ("status", "html"):
        await _send_own(send, fault.status, *fault.content(), fault.headers)
    else:
        answer = await _true_answer(app, _whole(scope) if fault.effect in FILE_EFFECTS else scope, receive)
        if fault.effect == "replaced":
            await _send_own(send, fault.status, *fault.content(), fault.headers)
        elif fault.effect == "drip":
            await _drip(send, answer, fault.delay_seconds)
        else:
            await _send(send, rewrite(fault, answer, body))


async def _send_own(send: Send, status: int, body: bytes, content_type: str, headers: dict[str, str]) -> None:
    """Answer in the fault's own words; its headers win."""
    named = {name.lower(): value for name, value in headers.items()}
    merged = {"content-type": content_type, "content-length": str(len(body)), **named}
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in merged.items()]
    await _send(send, Answer(status, encoded, body))


async def _send(send: Send, answer: Answer) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _drip(send: Send, answer: Answer, seconds: float) -> None:
    """Send the body in pieces that are spread evenly over the time."""
    pieces = max(DRIP_PIECES_MIN, math.ceil(seconds / DRIP_SECONDS))
    size = max(1, math.ceil(len(answer.body) / pieces))
    parts = [answer.body[start : start + size] for start in range(0, len(answer.body), size)]
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    for part in parts:
        await asyncio.sleep(seconds / len(parts))
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _true_answer(app: Any, scope: Scope, receive: Receive) -> Answer:
    """Let the request have its effect, and keep the answer."""
    answer = Answer(500, [], b"")
    parts: list[bytes] = []

    async def keep(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status, answer.headers = message["status"], list(message["headers"])
        elif message["type"] == "http.response.body":
            parts.append(message.get("body", b""))

    await app(scope, receive, keep)
    answer.body = b"".join(parts)
    return answer


def _whole(scope: Scope) -> Scope:
    """The request without its range: lines can only be chosen from the whole file."""
    return {**scope, "headers": [pair for pair in scope["headers"] if pair[0] not in (b"range", b"if-range")]}


class CutAfter:
    """Sends the first bytes of an answer and no more: uvicorn then closes the connection, as a broken network would."""

    def __init__(self, send: Send, size: int) -> None:
        self._send = send
        self._left = size

    async def __call__(self, message: Message) -> None:
        """Send what is left of the allowance."""
        if message["type"] == "http.response.start":
            await self._send(message)
        elif message["type"] == "http.response.body" and self._left > 0:
            part = message.get("body", b"")[: self._left]
            self._left -= len(part)
            await self._send({"type": "http.response.body", "body": part, "more_body": True})
