"""First syncs end to end on the local stack: how long, how fast, and which process spends the CPU."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.measure import table
from benchmarks.writer import TABLES
from local_stack.browser import Browser
from local_stack.environment import SIMULATOR
from local_stack.platform import Platform, Row, eventually
from local_stack.repository import LOCAL, scratch_folder
from local_stack.stack import Stack, start_stack
from sync_common.contracts.resources import Resource

SHOP = "bench.myshopify.com"
SIZES = (10_000, 100_000)
RESOURCES = (Resource.CUSTOMERS, Resource.ORDERS)
VISIBLE_SHARE = 0.9
"""Of a made-up shop's orders; the others are older than the 60 days that an app may see."""

BESIDE_ORDERS = {"customers": 1_000, "products": 100}
"""Orders are of someone, and of something."""

STAGES = (
    "started",
    "bulk file ready",
    "first row",
    "read to the end",
    "last row",
    "books closed",
    "completed",
)

EXPLAINED = """\
CPU floor: the same CPU work spread over all cores without a pause, as a share of the time taken.
Simulator apart: records / (seconds - the simulator's CPU seconds / cores), as if its work had cost us nothing."""

FIRST_ROW_LOOK_SECONDS = 0.05
JOB_LOOK_SECONDS = 0.5  # seldom: each look is a connection of its own, which PostgreSQL pays for
SECONDS_MAX = 600


def run(console: Console, *, sizes: Sequence[int] = SIZES) -> None:
    """Print, for each resource and size, the first sync's duration, its stages, and the CPU of each process."""
    synced = table(
        "sync: from the click on Connect to completed, each in a stack of its own",
        "", "records", "click to end s", "start to end s", "rec/s from click", "start to first row s", "CPU floor",
        "rec/s, simulator apart",
    )  # fmt: skip
    stages = table("sync: stages, seconds since the click", "", *STAGES)
    for resource in RESOURCES:
        for size in sizes:
            name = f"{size:,} {resource}"
            with running_stack() as stack:
                shown = Platform(stack).create_shop(SHOP, **_counts(resource, size))["visibleCounts"]
                assert shown[resource] == size, f"{shown[resource]:,} of {name} are visible"
                sync = first_sync(stack, SHOP, resource)
            console.print(_processes(name, sync))
            synced.add_row(name, *_figures(sync))
            stages.add_row(name, *(f"{sync.since_click(one):.1f}" for one in sync.stages))
    console.print(synced)
    console.print(EXPLAINED, highlight=False)
    console.print(stages)


def _counts(resource: Resource, size: int) -> dict[str, int]:
    if resource is Resource.ORDERS:
        return BESIDE_ORDERS | {"orders": round(size / VISIBLE_SHARE)}
    return {"customers": 0, "orders": 0, "products": 0} | {resource.value: size}


@contextmanager
def running_stack() -> Iterator[Stack]:
    """Give a fresh stack: what an earlier sync left behind, a vacuum that is due or a full cache, is gone."""
    with scratch_folder("bench-sync") as folder:
        stack = start_stack(folder / "run", cache=LOCAL / "cache", default_ports=False)
        try:
            yield stack
        finally:
            stack.stop()


@dataclass(frozen=True)
class FirstSync:
    """A completed first sync: its job, when each of its stages was reached, and the CPU seconds of each process."""

    job: Row
    clicked_at: datetime
    stages: tuple[datetime, ...]
    spent: Mapping[str, float]

    @property
    def records(self) -> int:
        """Return how many records were processed."""
        return int(sum(self.job["records_processed"].values()))

    def since_click(self, moment: datetime) -> float:
        """Return the seconds between the click on Connect and a moment."""
        return (moment - self.clicked_at).total_seconds()

    @property
    def seconds(self) -> float:
        """Return the seconds from the click on Connect to the completed job."""
        return self.since_click(self.job["completed_at"])


def first_sync(stack: Stack, shop: str, resource: Resource) -> FirstSync:
    """Connect a shop as a person does, and wait until its first sync is completed."""
    platform = Platform(stack)
    with Browser() as browser:
        platform.log_in(browser, stack.login)
        before, clicked_at = cpu_seconds(stack), datetime.now(UTC)
        platform.connect(browser, stack.login, shop)
    store = eventually(
        lambda: platform.store(shop, stack.login.slug), within_seconds=10, what="the store exists"
    )
    first_row_at = _first_row_at(platform, store, resource)
    job = _ended_job(platform, store)
    after = cpu_seconds(stack)
    assert job["status"] == "completed", job["error_message"]
    stages = _stages(platform, job, resource, first_row_at)
    return FirstSync(job, clicked_at, stages, {name: after[name] - before[name] for name in after})


def _first_row_at(platform: Platform, store: Row, resource: Resource) -> datetime:
    """Look often, but by keys and over one kept connection, so that looking costs next to nothing."""
    query = f"""SELECT EXISTS (SELECT FROM records.{TABLES[resource]} WHERE advertiser_id = %(advertiser_id)s
            AND source_type = 'ShopifyStore' AND source_id = %(store_id)s) AS is_there,
        EXISTS (SELECT FROM sync.sync_jobs WHERE store_id = %(store_id)s AND status = 'failed') AS has_failed
    """  # noqa: S608
    with platform.database() as connection:

        def look() -> datetime | None:
            (seen,) = connection.execute(query.encode(), store).fetchall()
            assert not seen["has_failed"], "the first sync failed before its first row"
            return datetime.now(UTC) if seen["is_there"] else None

        return eventually(
            look,
            within_seconds=SECONDS_MAX,
            what="the first row is visible",
            interval_seconds=FIRST_ROW_LOOK_SECONDS,
        )


def _ended_job(platform: Platform, store: Row) -> Row:
    def ended() -> Row | None:
        jobs = platform.jobs(store["store_id"])
        return jobs[-1] if jobs and jobs[-1]["status"] not in {"pending", "running"} else None

    return eventually(
        ended, within_seconds=SECONDS_MAX, what="the first sync ended", interval_seconds=JOB_LOOK_SECONDS
    )


def _stages(platform: Platform, job: Row, resource: Resource, first_row_at: datetime) -> tuple[datetime, ...]:
    """Return when each of STAGES was reached for the resource, as the services have noted it."""
    (fetched,) = platform.rows(  # the hint that a file is ready is lost where it outruns the operation's id
        """SELECT coalesce(finish_seen_at, updated_at) AS ready_at, updated_at AS read_at
           FROM fetcher.bulk_operations WHERE job_id = %s AND resource = %s""",
        job["job_id"],
        resource.value,
    )
    (written,) = platform.rows(
        f"SELECT max(created_at) AS last_at FROM records.{TABLES[resource]} WHERE source_id = %s",  # noqa: S608
        job["store_id"],
    )
    (closed_at,) = (part["ended_at"] for part in job["parts"] if part["resource"] == resource)
    return (
        job["started_at"], fetched["ready_at"], first_row_at, fetched["read_at"], written["last_at"],
        datetime.fromisoformat(closed_at), job["completed_at"],
    )  # fmt: skip


def _figures(sync: FirstSync) -> list[str]:
    """Return a sync's columns, as EXPLAINED. The simulator stands for Shopify, whose computers are its own."""
    cores = os.cpu_count() or 1
    started_at, _, first_row_at, *_, completed_at = sync.stages
    without_simulator = sync.seconds - sync.spent[SIMULATOR] / cores
    return [
        f"{sync.records:,}", f"{sync.seconds:.1f}", f"{(completed_at - started_at).total_seconds():.1f}",
        f"{sync.records / sync.seconds:,.0f}", f"{(first_row_at - started_at).total_seconds():.1f}",
        f"{sum(sync.spent.values()) / cores / sync.seconds:.2f}", f"{sync.records / without_simulator:,.0f}",
    ]  # fmt: skip


def _processes(name: str, sync: FirstSync) -> Table:
    """Return where the CPU went: the processes of the stack, the simulator below them, as Shopify's share."""
    total = sum(sync.spent.values())
    shown = table(f"sync: CPU, {name}", "process", "CPU s", "share", "µs a record", "of one core")
    ours = {process: cpu for process, cpu in sync.spent.items() if process != SIMULATOR}
    ranked = sorted(ours.items(), key=lambda one: -one[1])
    for process, cpu in [
        *ranked,
        ("without the simulator", sum(ours.values())),
        (SIMULATOR, sync.spent[SIMULATOR]),
    ]:
        shown.add_row(
            process,
            f"{cpu:.2f}",
            f"{cpu / total:.0%}",
            f"{1e6 * cpu / sync.records:.0f}",
            f"{cpu / sync.seconds:.0%}",
        )
    return shown


def cpu_seconds(stack: Stack) -> dict[str, float]:
    """Return the CPU seconds of each process and its children; a server given by its address is not ours to see."""
    running = {server.process.name: server.process for server in stack.servers if server.process}
    running |= stack.processes
    return {name: _tree_seconds(psutil.Process(process.pid)) for name, process in running.items()}


def _tree_seconds(process: psutil.Process) -> float:
    """Return the CPU seconds of a process, of its live children, and of those it has waited for."""
    times = process.cpu_times()
    alive = 0.0
    for child in process.children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # one that ended just now is its parent's to tell of
            spent = child.cpu_times()
            alive += spent.user + spent.system
    return float(times.user + times.system + times.children_user + times.children_system + alive)
