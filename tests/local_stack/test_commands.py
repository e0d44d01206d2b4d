"""`up`, `status` and `down`, as a person uses them."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest

from local_stack.environment import default_http_ports
from local_stack.platform import eventually
from local_stack.repository import LOCAL, ROOT, scratch_folder
from sync_common.contracts.stack import DEV_TOOLS, SERVICES
from sync_common.contracts.topics import NOTIFIER, OAUTH_GATEWAY

UP_SECONDS_MAX = 360  # the product's own limits for its servers, migrations and services, added up


@pytest.fixture
def home() -> Iterator[Path]:
    """A place of its own for what the stack writes, sharing the downloaded jars."""
    with scratch_folder("test-commands") as folder:
        (folder / "cache").symlink_to(LOCAL / "cache")
        yield folder


def local_stack(home: Path, command: str) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "SHOPSYNC_LOCAL": str(home)}
    call = [sys.executable, "-m", "local_stack", command]
    return subprocess.run(call, env=env, capture_output=True, text=True, timeout=UP_SECONDS_MAX, check=False)


def described(home: Path) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads((home / "stack.json").read_text())
    return answer


@pytest.mark.timeout(2 * UP_SECONDS_MAX)
def test_up_tells_everything_and_down_leaves_nothing(home: Path) -> None:
    wanted = default_http_ports()[OAUTH_GATEWAY]
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):  # somebody else keeps it busy
            holder.bind(("127.0.0.1", wanted))
            holder.listen()
        up = local_stack(home, "up")

    try:
        assert up.returncode == 0, up.stdout + up.stderr
        stack = described(home)
        assert set(stack["processes"]) == {"postgres", "kafka", *SERVICES, *DEV_TOOLS}
        assert stack["web_url"] != f"http://127.0.0.1:{wanted}", "a busy port is replaced"
        assert all(Path(process["log"]).exists() for process in stack["processes"].values())
        assert httpx.get(stack["web_url"] + "/login", trust_env=False).status_code == 200
        for service in SERVICES.values():
            if service.schema:
                psycopg.connect(stack["database_urls"][service.runtime_role]).close()
        assert local_stack(home, "status").returncode == 0

        os.kill(stack["processes"][NOTIFIER]["pid"], signal.SIGKILL)
        eventually(
            lambda: f"{NOTIFIER} has ended" in local_stack(home, "status").stdout,
            within_seconds=20,
            what="the dead service is reported",
        )
    finally:
        down = local_stack(home, "down")

    assert down.stdout.strip() == "Stopped."
    assert not (home / "stack.json").exists()
    for process in stack["processes"].values():
        assert not Path(f"/proc/{process['pid']}").exists() or _is_zombie(process["pid"])
    assert local_stack(home, "down").stdout.strip() == "Nothing was running."


@pytest.mark.timeout(240)
def test_interrupted_demo_stops_everything_it_started(home: Path) -> None:
    sizes = ["--customers", "20", "--orders", "30", "--products", "5"]
    with subprocess.Popen(
        [sys.executable, "-m", "local_stack", "demo", *sizes],
        env={**os.environ, "SHOPSYNC_LOCAL": str(home)},
        stdout=subprocess.PIPE,
        text=True,
    ) as demo:
        try:
            shown = _read_until(demo, "Ctrl-C stops everything")
            started = described(home)["processes"].values()
        finally:
            demo.send_signal(signal.SIGINT)
            demo.communicate(timeout=60)

    assert "Everything held." in shown
    assert demo.returncode == 0
    assert [one["pid"] for one in started if Path(f"/proc/{one['pid']}").exists()] == []
    assert not (home / "stack.json").exists()


def test_setup_fills_its_own_environment_whichever_is_active() -> None:
    plan = subprocess.run(
        ["make", "--dry-run", "--always-make", "setup"], cwd=ROOT, capture_output=True, text=True, check=True
    )

    installs = [line for line in plan.stdout.splitlines() if "uv pip install" in line]
    assert len(installs) == 2
    assert all("--python .venv/bin/python " in line for line in installs)


@pytest.mark.timeout(240)
def test_killed_test_run_leaves_no_servers(home: Path) -> None:
    """SIGTERM used to end `with-servers` alone; PostgreSQL and Kafka went on for ever."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("SHOPSYNC_")}
    with subprocess.Popen(
        [sys.executable, "-m", "local_stack", "with-servers", "sh", "-c", "echo ready; exec sleep 600"],
        env={**env, "SHOPSYNC_LOCAL": str(home)},
        stdout=subprocess.PIPE,
        text=True,
    ) as run:
        _read_until(run, "ready")
        started = psutil.Process(run.pid).children(recursive=True)

        run.terminate()
        run.communicate(timeout=60)

    left = psutil.wait_procs(started, timeout=10)[1]
    for process in left:
        process.kill()
    assert len(started) > 2
    assert not left


def _read_until(process: "subprocess.Popen[str]", words: str) -> str:
    assert process.stdout is not None
    shown = ""
    while words not in shown:
        line = process.stdout.readline()
        assert line, f"ended early:\n{shown}"
        shown += line
    return shown


def _is_zombie(pid: int) -> bool:
    return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
