"""Run a service: its servers and its tasks live and end together."""

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import structlog
import uvicorn

from sync_common.runtime.health import Readiness

log = structlog.get_logger()

Task = Callable[[asyncio.Event], Awaitable[None]]
Closer = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class HttpServer:
    """An ASGI app and where it listens."""

    app: Any
    host: str
    port: int
    limit_concurrency: int | None = None


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: the service has one handler for all its parts."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the service."""
        yield


async def run_service(
    name: str,
    *,
    tasks: Mapping[str, Task],
    servers: Sequence[HttpServer],
    readiness: Readiness,
    closers: Sequence[Closer] = (),
    drain_seconds: float = 18,
) -> int:
    """Run until SIGTERM or SIGINT, or until a part dies; return the exit status.

    Stopping: readiness off, the stop event set, tasks drained, servers closed, then `closers` in order, all
    within `drain_seconds`. A task that ends or raises before that stops everything with status 1.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _on_signal, name, number, stop)

    _calm_collector()
    http = [_server(server) for server in servers]
    serving = [asyncio.create_task(server.serve(), name=f"http-{server.config.port}") for server in http]
    working = [asyncio.create_task(_run(task, stop), name=label) for label, task in tasks.items()]
    log.info("started", service=name, task=",".join(tasks))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([stopping, *serving, *working], return_when=asyncio.FIRST_COMPLETED)

    failed = _log_dead([*serving, *working]) if not stop.is_set() else False
    readiness.drain()
    stop.set()
    failed |= await _drain(working, drain_seconds)
    for server in http:
        server.should_exit = True
    await _drain(serving, 2)
    for close in closers:
        await close()
    log.info("stopped", service=name, status=int(failed))
    return int(failed)


def _calm_collector() -> None:
    """Spare what lives as long as the process, and collect less often: batches make much that is not garbage."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)


async def _run(task: Task, stop: asyncio.Event) -> None:
    await task(stop)


def _server(server: HttpServer) -> _Server:
    return _Server(
        uvicorn.Config(
            server.app,
            host=server.host,
            port=server.port,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=5,
            limit_concurrency=server.limit_concurrency,
        )
    )


def _on_signal(name: str, number: signal.Signals, stop: asyncio.Event) -> None:
    log.info("stopping", service=name, signal=number.name)
    stop.set()


def _log_dead(parts: Sequence["asyncio.Task[None]"]) -> bool:
    for part in parts:
        if part.done():
            error = None if part.cancelled() else part.exception()
            log.error("part ended unasked", task=part.get_name(), exc_info=error)
    return True


async def _drain(parts: Sequence["asyncio.Task[None]"], seconds: float) -> bool:
    """Wait for tasks to end by themselves, then cancel; say whether any failed or had to be cancelled."""
    if not parts:
        return False
    _, pending = await asyncio.wait(parts, timeout=seconds)
    for task in pending:
        log.warning("cancelled while draining", task=task.get_name())
        task.cancel()
    await asyncio.gather(*parts, return_exceptions=True)
    return bool(pending) or any(not t.cancelled() and t.exception() is not None for t in parts)
