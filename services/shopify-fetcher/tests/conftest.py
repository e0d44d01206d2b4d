"""The fetcher's parts on a fresh database, facing the Shopify simulator over HTTP."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import stamina

from local_stack.testing import StackDatabase
from shopify_fetcher.main import build
from sync_common.db import Database
from sync_common.http import make_client
from sync_common.runtime import SystemClock

from .builders import (
    CLIENT_ID,
    CLIENT_SECRET,
    REDIRECT,
    BulkSpeed,
    Fetcher,
    MakeShop,
    SimulatedShop,
    settings,
)


@pytest.fixture(autouse=True)
def retries_without_waits() -> Iterator[None]:
    """Let retries happen at once."""
    with stamina.set_testing(True, attempts=4, cap=True):
        yield


@pytest.fixture(scope="session")
def simulator_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a running Shopify simulator."""
    folder = tmp_path_factory.mktemp("simulator")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "SIMULATOR_HTTP_PORT": str(port),
        "SIMULATOR_CLIENT_ID": CLIENT_ID,
        "SIMULATOR_CLIENT_SECRET": CLIENT_SECRET,
        "SIMULATOR_REDIRECT_URIS": REDIRECT,
        "SIMULATOR_DATA_DIR": str(folder),
        "SIMULATOR_LOG_LEVEL": "warning",
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "shopify_simulator"], env=environment, stdout=log, stderr=log
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_up(url, process, folder / "log")
            yield url
        finally:
            process.terminate()
            process.wait(10)


def _wait_until_up(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            if httpx.get(f"{url}/healthz", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise RuntimeError(f"the simulator did not start: {log.read_text()[-2000:]}")


@pytest.fixture
async def database(stack_database: StackDatabase) -> AsyncIterator[Database]:
    """Return a fresh database under the fetcher's own role."""
    database = Database.from_url(stack_database.url_of("shopify-fetcher"), application_name="test")
    yield database
    await database.close()


@pytest.fixture
async def fetcher(database: Database, simulator_url: str, tmp_path: Path) -> AsyncIterator[Fetcher]:
    """Return the fetcher's parts, wired as in production."""
    http = make_client()
    made = settings(simulator_url, tmp_path)
    yield Fetcher(build(made, database, http, SystemClock()), database, made)
    await http.aclose()


@pytest.fixture
async def replica(
    stack_database: StackDatabase, simulator_url: str, tmp_path: Path
) -> AsyncIterator[Fetcher]:
    """Return a second fetcher on the same database, as another process would be."""
    database = Database.from_url(stack_database.url_of("shopify-fetcher"), application_name="replica")
    http = make_client()
    made = settings(simulator_url, tmp_path)
    yield Fetcher(build(made, database, http, SystemClock()), database, made)
    await http.aclose()
    await database.close()


@pytest.fixture
async def make_shop(simulator_url: str) -> AsyncIterator[Callable[..., Awaitable[SimulatedShop]]]:
    """Return a maker of simulated shops, each with a name of its own."""
    async with make_client(base_url=simulator_url, read_seconds=60) as http:

        async def make(**wishes: object) -> SimulatedShop:
            shop = SimulatedShop(http, f"test-{uuid4().hex[:10]}.myshopify.com")
            await shop.create(**wishes)
            return shop

        yield make


@pytest.fixture
async def bulk_speed(make_shop: MakeShop) -> AsyncIterator[BulkSpeed]:
    """Return a switch for how bulk operations run; put back after the test."""
    shop = await make_shop()

    async def change(**wishes: object) -> None:
        answer = await shop.http.patch("/_admin/bulk", json=wishes)
        assert answer.is_success, answer.text

    yield change
    await change(minimum_seconds=0, concurrent_max=5, children_first=False)
