"""A first sync end to end on the local stack: how long, how fast, and which process spends the CPU."""

import os
import time
from datetime import UTC, datetime

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.measure import table
from local_stack.browser import Browser
from local_stack.platform import Platform, Row, eventually
from local_stack.repository import LOCAL, scratch_folder
from local_stack.stack import Stack, start_stack

SHOP = "bench.myshopify.com"
COUNTS = {"customers": 10_000, "orders": 20_000, "products": 1_000}
SECONDS_MAX = 600


def run(console: Console) -> None:
    """Print the sync's duration and the CPU seconds of each process of the stack."""
    with scratch_folder("bench-sync") as folder:
        stack = start_stack(folder / "run", cache=LOCAL / "cache", default_ports=False)
        try:
            _first_sync(stack, console)
        finally:
            stack.stop()


def _first_sync(stack: Stack, console: Console) -> None:
    platform = Platform(stack)
    platform.create_shop(SHOP, **COUNTS)
    with Browser() as browser:
        platform.log_in(browser, stack.login)
        clicked_at = datetime.now(UTC)
        before, started = _cpu_seconds(stack), time.perf_counter()
        platform.connect(browser, stack.login, SHOP)
    job = _ended_job(platform, stack)
    seconds, after = time.perf_counter() - started, _cpu_seconds(stack)
    assert job["status"] == "completed", job["error_message"]
    _print(console, seconds, {name: after[name] - before[name] for name in after}, _records(job))
    console.print(_timeline(job, clicked_at))


def _ended_job(platform: Platform, stack: Stack) -> Row:
    store = eventually(
        lambda: platform.store(SHOP, stack.login.slug), within_seconds=10, what="the store exists"
    )

    def ended() -> Row | None:
        jobs = platform.jobs(store["store_id"])
        return jobs[-1] if jobs and jobs[-1]["status"] not in {"pending", "running"} else None

    return eventually(  # seldom: each look is a connection of its own, which PostgreSQL pays for
        ended, within_seconds=SECONDS_MAX, what="the first sync ended", interval_seconds=0.5
    )


def _records(job: Row) -> int:
    return int(sum(job["records_processed"].values()))


def _print(console: Console, seconds: float, spent: dict[str, float], records: int) -> None:
    total, cores = sum(spent.values()), os.cpu_count() or 1
    floor = total / cores
    console.print(
        f"sync: {records:,} records from the click on Connect to completed in {seconds:.1f} s, "
        f"{records / seconds:,.0f} a second.\nThe same CPU work spread over all {cores} cores without a pause: "
        f"{floor:.1f} s, {floor / seconds:.2f} of the time taken."
    )
    shown = table(
        "CPU of each process during the sync", "process", "CPU s", "share", "µs a record", "of one core"
    )
    for name, cpu in sorted(spent.items(), key=lambda one: -one[1]):
        shown.add_row(
            name, f"{cpu:.2f}", f"{cpu / total:.0%}", f"{1e6 * cpu / records:.0f}", f"{cpu / seconds:.0%}"
        )
    console.print(shown)


def _timeline(job: Row, clicked_at: datetime) -> Table:
    """Return when each part began and had its books closed, in seconds since the click."""
    shown = table("Parts of the sync, seconds since the click", "part", "records", "began", "closed")
    for part in job["parts"]:
        moments = (datetime.fromisoformat(part[name]) - clicked_at for name in ("started_at", "ended_at"))
        shown.add_row(
            part["resource"], f"{part['published']:,}", *(f"{one.total_seconds():.1f}" for one in moments)
        )
    return shown


def _cpu_seconds(stack: Stack) -> dict[str, float]:
    """Return the CPU seconds of each process and its children; a server given by its address is not ours to see."""
    running = {server.process.name: server.process for server in stack.servers if server.process}
    running |= stack.processes
    return {name: _tree_seconds(psutil.Process(process.pid)) for name, process in running.items()}


def _tree_seconds(process: psutil.Process) -> float:
    """Return the CPU seconds of a process, of its live children, and of those it has waited for."""
    times = process.cpu_times()
    alive = 0.0
    for child in process.children(recursive=True):
        spent = child.cpu_times()
        alive += spent.user + spent.system
    return float(times.user + times.system + times.children_user + times.children_system + alive)
