"""One signal handler, one drain: parts of a service live and end together."""

import asyncio
import gc
import os
import signal
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from local_stack.processes import free_port
from sync_common.runtime import HttpServer, Readiness, ops_app, run_service


@pytest.fixture(autouse=True)
def collector_as_before() -> Iterator[None]:
    """A service calms the collector for its whole life; this process goes on after it."""
    threshold = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*threshold)


async def until_ready(port: int) -> None:
    async with httpx.AsyncClient() as client, asyncio.timeout(10):
        while True:
            try:
                if (await client.get(f"http://127.0.0.1:{port}/livez")).status_code == 200:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.01)


def ops_server(readiness: Readiness) -> HttpServer:
    return HttpServer(ops_app(CollectorRegistry(), readiness), "127.0.0.1", free_port())


async def test_signal_drains_tasks_before_anything_is_closed() -> None:
    order: list[str] = []
    readiness = Readiness()
    server = ops_server(readiness)

    async def work(stop: asyncio.Event) -> None:
        await stop.wait()
        order.append("drained")

    async def close() -> None:
        order.append("closed")

    running = asyncio.create_task(
        run_service("t", tasks={"work": work}, servers=[server], readiness=readiness, closers=[close])
    )
    await until_ready(server.port)
    os.kill(os.getpid(), signal.SIGTERM)

    assert await asyncio.wait_for(running, 10) == 0
    assert order == ["drained", "closed"]
    assert await readiness.failing() == ["draining"]


async def test_dead_task_stops_the_service_with_an_error() -> None:
    readiness = Readiness()

    async def dies(_stop: asyncio.Event) -> None:
        raise RuntimeError

    async def lives(stop: asyncio.Event) -> None:
        await stop.wait()

    status = await asyncio.wait_for(
        run_service(
            "t", tasks={"dies": dies, "lives": lives}, servers=[ops_server(readiness)], readiness=readiness
        ),
        10,
    )

    assert status == 1


async def test_task_that_ignores_the_stop_is_cancelled_in_time() -> None:
    started = asyncio.Event()

    async def stubborn(_stop: asyncio.Event) -> None:
        started.set()
        await asyncio.Event().wait()

    running = asyncio.create_task(
        run_service("t", tasks={"s": stubborn}, servers=[], readiness=Readiness(), drain_seconds=0.1)
    )
    await started.wait()
    os.kill(os.getpid(), signal.SIGTERM)

    assert await asyncio.wait_for(running, 10) == 1


async def test_stop_takes_no_longer_than_told_though_its_parts_hang() -> None:
    """The stages used to add up, and the last of them had no deadline, so that the process was killed instead."""
    never, started, closed = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def ignores_its_cancellation(_stop: asyncio.Event) -> None:
        started.set()
        try:
            await never.wait()
        finally:
            await never.wait()

    async def hangs() -> None:
        await never.wait()

    async def close() -> None:
        closed.set()

    running = asyncio.create_task(
        run_service(
            "t",
            tasks={"s": ignores_its_cancellation},
            servers=[],
            readiness=Readiness(),
            closers=[hangs, close],
            drain_seconds=0.5,
        )
    )
    await started.wait()
    os.kill(os.getpid(), signal.SIGTERM)

    assert await asyncio.wait_for(running, 10) == 1
    assert closed.is_set(), "a closer that hangs must leave time for those behind it"


async def test_what_fails_while_draining_is_logged_and_stops_nothing_else() -> None:
    readiness = Readiness()
    server = ops_server(readiness)
    closed = asyncio.Event()

    async def fails_at_the_end(stop: asyncio.Event) -> None:
        await stop.wait()
        raise ZeroDivisionError

    async def fails() -> None:
        raise LookupError

    async def close() -> None:
        closed.set()

    with capture_logs() as logs:
        running = asyncio.create_task(
            run_service(
                "t",
                tasks={"work": fails_at_the_end},
                servers=[server],
                readiness=readiness,
                closers=[fails, close],
            )
        )
        await until_ready(server.port)
        os.kill(os.getpid(), signal.SIGTERM)
        assert await asyncio.wait_for(running, 10) == 1

    failures = {line["task"]: type(line["exc_info"]) for line in logs if line["log_level"] == "error"}
    assert failures == {"work": ZeroDivisionError, "closer-0": LookupError}
    assert closed.is_set()


async def test_failing_check_makes_the_service_unready_but_not_dead() -> None:
    async def down() -> bool:
        raise OSError

    async def up() -> bool:
        return True

    app = ops_app(CollectorRegistry(), Readiness({"database": down, "kafka": up}))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as client:
        live, ready = await client.get("/livez"), await client.get("/readyz")

    assert live.status_code == 200
    assert (ready.status_code, ready.text) == (503, "not ready: database\n")
