"""Run a service: its servers and its tasks live and end together."""

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, cast

import structlog
import uvicorn

from sync_common.runtime.health import Readiness

log = structlog.get_logger()

Task = Callable[[asyncio.Event], Awaitable[None]]
Closer = Callable[[], Awaitable[None]]

_TASKS_SHARE: Final = 3 / 4  # of the time to stop; the worst case of a consumer without Kafka is 13 s of 18


@dataclass(frozen=True)
class HttpServer:
    """An ASGI app and where it listens."""

    app: Any
    host: str
    port: int
    limit_concurrency: int | None = None
    protocol: Callable[..., asyncio.Protocol] | None = None  # uvicorn's own where none is given


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
    within `drain_seconds`: what takes longer is cancelled, and what ignores that is left behind. A task that ends
    or raises before that stops everything with status 1.
    """
    parts = _Parts()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _on_signal, name, number, parts.stop)

    _calm_collector()
    http = [_server(server) for server in servers]
    serving = [parts.start(f"http-{server.config.port}", server.serve) for server in http]
    working = [parts.start(label, partial(task, parts.stop)) for label, task in tasks.items()]
    log.info("started", service=name, task=",".join(tasks))
    stopping = asyncio.create_task(parts.stop.wait())
    await asyncio.wait([stopping, *serving, *working], return_when=asyncio.FIRST_COMPLETED)

    readiness.drain()
    parts.stop_within(drain_seconds)
    await parts.drain(working, share=_TASKS_SHARE)
    for server in http:
        server.should_exit = True
    await parts.drain(serving, share=1 / (1 + len(closers)))
    for index, close in enumerate(closers):
        await parts.drain([parts.start(f"closer-{index}", close)], share=1 / (len(closers) - index))
    log.info("stopped", service=name, status=int(parts.failed))
    return int(parts.failed)


class _Parts:
    """What a service runs, one deadline for all of it to end, and whether all went well."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.failed = False
        self._loop = asyncio.get_running_loop()
        self._ends_at = float("inf")

    def start(self, name: str, work: Closer) -> "asyncio.Task[None]":
        """Run a part; its failure is logged when it happens."""
        part = asyncio.create_task(_run(work), name=name)
        part.add_done_callback(self._judge)
        return part

    def stop_within(self, seconds: float) -> None:
        """Tell every part to end; the time that draining may take begins now."""
        self._ends_at = self._loop.time() + seconds
        self.stop.set()

    async def drain(self, parts: Sequence["asyncio.Task[None]"], *, share: float) -> None:
        """Let parts end by themselves for a share of the time left, then cancel them and wait for a share again."""
        if not parts:
            return
        _, late = await asyncio.wait(parts, timeout=share * self._seconds_left())
        if not late:
            return
        self.failed = True
        for part in late:
            log.warning("cancelled while draining", task=part.get_name())
            part.cancel()
        _, stuck = await asyncio.wait(late, timeout=share * self._seconds_left())
        for part in stuck:
            log.error("left behind while draining", task=part.get_name())

    def _seconds_left(self) -> float:
        return max(0.0, self._ends_at - self._loop.time())

    def _judge(self, part: "asyncio.Task[None]") -> None:
        error = None if part.cancelled() else part.exception()
        if not self.stop.is_set():
            log.error("part ended unasked", task=part.get_name(), exc_info=error)
        elif error is not None:
            log.error("failed while draining", task=part.get_name(), exc_info=error)
        else:
            return
        self.failed = True


def _calm_collector() -> None:
    """Spare what lives as long as the process, and collect less often: batches make much that is not garbage."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(250_000, 10, 10)  # two batches of a thousand records in hand


async def _run(work: Closer) -> None:
    await work()


def _server(server: HttpServer) -> _Server:
    return _Server(
        uvicorn.Config(
            server.app,
            host=server.host,
            port=server.port,
            http=cast("Any", server.protocol) or "auto",
            ws="none",
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
