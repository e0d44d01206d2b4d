"""What shall go wrong, and when: a list of faults, of which each request meets at most the first that matches."""

import asyncio
import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.types import Message, Receive, Scope, Send


class Fault(BaseModel):
    """One fault. It lets `skip` requests whose path and body contain the given texts pass, then strikes `times`."""

    model_config = ConfigDict(extra="forbid")

    shop: str | None = None
    path: str | None = None
    operation: str | None = None
    effect: Literal["status", "throttled", "drop", "delay"] = "status"
    status: int = Field(default=500, ge=200, le=599)
    body: Any = None
    headers: dict[str, str] = {}
    delay_seconds: float = Field(default=0.0, ge=0, le=600)
    after_bytes: int = Field(default=0, ge=0)
    skip: int = Field(default=0, ge=0)
    times: int = Field(default=1, ge=1)

    def matches(self, shop: str | None, path: str, body: bytes) -> bool:
        """Whether the fault strikes this request."""
        return (
            (self.shop is None or self.shop == shop)
            and (self.path is None or self.path in path)
            and (self.operation is None or self.operation.encode() in body)
            and self.times > 0
        )


async def answer(send: Send, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
    """Answer a request with JSON."""
    merged = {"content-type": "application/json", "content-length": str(len(body)), **(headers or {})}
    encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in merged.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})


async def strike(
    fault: Fault, app: Any, scope: Scope, receive: Receive, send: Send, throttled: bytes
) -> None:
    """Do to a request what the fault says."""
    if fault.delay_seconds:
        await asyncio.sleep(fault.delay_seconds)
    if fault.effect == "delay":
        await app(scope, receive, send)
    elif fault.effect == "drop":
        await app(scope, receive, CutAfter(send, fault.after_bytes))
    elif fault.effect == "throttled":
        await answer(send, 200, throttled)
    else:
        body = {"errors": "Injected fault"} if fault.body is None else fault.body
        await answer(send, fault.status, json.dumps(body).encode(), fault.headers)


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
