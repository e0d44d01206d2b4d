"""/livez, /readyz and /metrics, on a port of their own."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from fastapi import FastAPI, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

Check = Callable[[], Awaitable[bool]]


class Readiness:
    """What the duty needs right now, by name; off for good once the process drains."""

    def __init__(self, checks: Mapping[str, Check] | None = None, timeout_seconds: float = 2) -> None:
        self._checks = dict(checks or {})
        self._timeout = timeout_seconds
        self._draining = False

    def drain(self) -> None:
        """Answer `not ready` from now on."""
        self._draining = True

    async def failing(self) -> list[str]:
        """Return the names of what is missing; empty means ready."""
        if self._draining:
            return ["draining"]
        results = await asyncio.gather(*(self._passes(check) for check in self._checks.values()))
        return [name for name, passed in zip(self._checks, results, strict=True) if not passed]

    async def _passes(self, check: Check) -> bool:
        try:
            return await asyncio.wait_for(check(), self._timeout)
        except Exception:  # noqa: BLE001 - whatever went wrong, the part is not ready
            return False


def ops_app(registry: CollectorRegistry, readiness: Readiness) -> FastAPI:
    """Build the app of the ops port. Liveness depends on nothing outside the process."""
    app = FastAPI(openapi_url=None)

    @app.get("/livez")
    async def livez() -> PlainTextResponse:
        return PlainTextResponse("ok\n")

    @app.get("/readyz")
    async def readyz() -> PlainTextResponse:
        failing = await readiness.failing()
        text = "".join(f"not ready: {name}\n" for name in failing) or "ok\n"
        return PlainTextResponse(text, status_code=503 if failing else 200)

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return app
