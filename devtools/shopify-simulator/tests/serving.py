"""Real servers on free ports for the tests: the simulator itself, and an app that receives its webhooks."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from shopify_simulator.app import create_app
from shopify_simulator.settings import Settings
from shopify_simulator.state import Simulator

SECRET = "hush"
CALLBACK = "https://app.example.com/shopify/callback"
START_SECONDS = 10


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """Serve an application; answer its address."""
    config = uvicorn.Config(app, port=0, log_level="critical", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    started = threading.Event()
    for _ in range(START_SECONDS * 100):
        if server.started:
            break
        started.wait(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)


@contextmanager
def simulator(folder: Path, **overrides: Any) -> Iterator[str]:
    """Serve a simulator with settings for tests; answer its address."""
    values = {
        "client_id": "client",
        "client_secret": SECRET,
        "redirect_uris": [CALLBACK],
        "data_dir": folder,
        "retry_scale": 1e-6,
        **overrides,
    }
    with served(create_app(Simulator(Settings(**values)))) as address:
        yield address


@dataclass(slots=True)
class Received:
    """One webhook as it came in."""

    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Receiver:
    """An app's webhook endpoint that keeps what it gets, and can be told to refuse."""

    address: str
    statuses: list[int] = field(default_factory=list)
    status: int = 200
    received: list[Received] = field(default_factory=list)

    async def take(self, request: Request) -> Response:
        self.received.append(Received(dict(request.headers), await request.body()))
        return Response(status_code=self.statuses.pop(0) if self.statuses else self.status)

    def topics(self) -> list[str]:
        return [one.headers["x-shopify-topic"] for one in self.received]


class Endpoints:
    """A server that gives every test a webhook address of its own."""

    def __init__(self) -> None:
        self.by_number: list[Receiver] = []
        self.app = Starlette(routes=[Route("/webhooks/{number:int}", self.take, methods=["POST"])])

    def open(self, address: str) -> Receiver:
        endpoint = Receiver(f"{address}/webhooks/{len(self.by_number)}")
        self.by_number.append(endpoint)
        return endpoint

    async def take(self, request: Request) -> Response:
        return await self.by_number[request.path_params["number"]].take(request)
