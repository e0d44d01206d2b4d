"""What happens to every request before a route sees it: which shop it is for, the log of calls, and injected faults."""

import re
import time
import uuid

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shopify_simulator.faults.fault import Fault
from shopify_simulator.faults.strike import strike
from shopify_simulator.graphql.execute import throttled_answer
from shopify_simulator.shop.bucket import LeakyBucket
from shopify_simulator.shop.model import PLANS
from shopify_simulator.state import Call, HostedShop, Simulator

SHOP_PATH = re.compile(r"/shops/([A-Za-z0-9][A-Za-z0-9-]*)(?:\.myshopify\.com)?(?=/|$)")
SHOP_HOST = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*\.myshopify\.com)(?::\d+)?")
BULK_FILE = re.compile(r"/bulk/([A-Za-z0-9_-]+)\.jsonl")
FAULTED_BODY_BYTES_MAX = 4 * 1024 * 1024
THROTTLED_COST = 100


class ShopAddressing:
    """Finds the shop by path prefix or by Host, and gives both the same routes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note the shop in the scope."""
        if scope["type"] == "http":
            scope = {**scope, "shop_domain": None, "call": None}
            by_path = SHOP_PATH.match(scope["path"])
            if by_path:
                scope["root_path"] = by_path[0]
                scope["shop_domain"] = f"{by_path[1].lower()}.myshopify.com"
            else:
                by_host = SHOP_HOST.fullmatch(_header(scope, b"host"))
                scope["shop_domain"] = by_host[1].lower() if by_host else None
        await self._app(scope, receive, send)


class CallLog:
    """Notes every request that a shop gets, and gives its answer an X-Request-Id."""

    def __init__(self, app: ASGIApp, simulator: Simulator) -> None:
        self._app = app
        self._simulator = simulator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note the call, then pass it on."""
        hosted = shop_of(scope, self._simulator)
        if hosted is None:
            await self._app(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope["root_path"])
        call = Call(self._simulator.now(), scope["method"], path)
        hosted.calls.append(call)
        started = time.monotonic()
        try:
            await self._app({**scope, "call": call}, receive, _noting(send, call))
        finally:
            call.duration_ms = round((time.monotonic() - started) * 1000, 1)


def _noting(send: Send, call: Call) -> Send:
    async def noting(message: Message) -> None:
        if message["type"] == "http.response.start":
            call.status = message["status"]
            message["headers"] = [*message["headers"], (b"x-request-id", str(uuid.uuid4()).encode())]
        await send(message)

    return noting


class Faults:
    """Lets the first matching fault strike a request."""

    def __init__(self, app: ASGIApp, simulator: Simulator) -> None:
        self._app = app
        self._simulator = simulator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Strike, or pass the request on."""
        if scope["type"] != "http" or not self._simulator.faults or _is_for_administrator(scope):
            await self._app(scope, receive, send)
            return
        body = await _read(receive)
        hosted = shop_of(scope, self._simulator)
        path = scope["path"].removeprefix(scope["root_path"])
        fault = self._take(self._shop_meant(scope), path, body)
        if fault is None:
            await self._app(scope, _replay(body, receive), send)
            return
        call: Call | None = scope["call"]
        if call is not None:
            call.fault = fault.effect
        replayed = _replay(body, receive)
        await strike(fault, self._app, scope, replayed, send, body=body, throttled=_throttled(hosted))
        # The log tells what the client was told, whatever the API itself did.
        if call is not None and fault.throttles():
            call.throttled = True

    def _shop_meant(self, scope: Scope) -> str | None:
        """The shop that is asked, or whose bulk file is."""
        file = BULK_FILE.fullmatch(scope["path"])
        domain: str | None = self._simulator.bulk.domain_of(file[1]) if file else scope["shop_domain"]
        return domain

    def _take(self, shop: str | None, path: str, body: bytes) -> Fault | None:
        for fault in self._simulator.faults:
            if fault.matches(shop, path, body) and fault.strikes():
                if fault.is_spent:
                    self._simulator.faults.remove(fault)
                return fault
        return None


def shop_of(scope: Scope, simulator: Simulator) -> HostedShop | None:
    """The shop that a request is for, if there is one."""
    return simulator.shops.get(scope.get("shop_domain") or "")


def _throttled(hosted: HostedShop | None) -> bytes:
    """The answer of an empty bucket."""
    plan = hosted.shop.plan if hosted else PLANS["basic"]
    bucket = LeakyBucket(plan.bucket_size, plan.restore_rate)
    bucket.drain()
    return msgspec.json.encode(throttled_answer(THROTTLED_COST, bucket))


def _is_for_administrator(scope: Scope) -> bool:
    return str(scope["path"]).startswith(("/_admin", "/healthz"))


def _header(scope: Scope, name: bytes) -> str:
    for key, value in scope["headers"]:
        if key == name:
            return str(value.decode("latin-1"))
    return ""


async def _read(receive: Receive) -> bytes:
    body = b""
    while len(body) < FAULTED_BODY_BYTES_MAX:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return body


def _replay(body: bytes, receive: Receive) -> Receive:
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    return replay
