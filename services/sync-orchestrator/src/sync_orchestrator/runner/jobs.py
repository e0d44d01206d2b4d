"""Claim jobs, keep their leases, look at their books."""

import asyncio
from collections.abc import Sequence

import structlog

from sync_common.bus.waiting import pause
from sync_common.db import Lease
from sync_orchestrator import metrics
from sync_orchestrator.domain.jobs import JobStatus
from sync_orchestrator.domain.model import Job
from sync_orchestrator.errors import LeaseLost
from sync_orchestrator.runner.driving import JobRun
from sync_orchestrator.runner.loops import patiently, repeatedly
from sync_orchestrator.runner.tools import Tools
from sync_orchestrator.store import jobs, parts

log = structlog.get_logger()


class JobRunner:
    """Drives as many jobs as this replica may. `run`, `keep_leases` and `watch_books` run side by side."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._limits = tools.limits
        self._runs: dict[JobRun, asyncio.Task[None]] = {}

    @property
    def held(self) -> int:
        """Return how many jobs this replica drives now."""
        return len(self._runs)

    async def run(self, stop: asyncio.Event) -> None:
        """Claim and drive jobs until stopped; then give the leases back."""
        try:
            await repeatedly(stop, "claim", self._claim, pause_seconds=self._limits.claim_seconds)
        finally:
            await self._stop_all()

    async def keep_leases(self, stop: asyncio.Event) -> None:
        """Renew what we hold; a job that is no longer ours stops at once."""
        await repeatedly(stop, "renew", self._renew, pause_seconds=self._limits.heartbeat_seconds)

    async def watch_books(self, stop: asyncio.Event) -> None:
        """Compare what was published with what the writer has accounted for."""
        while not stop.is_set():
            await patiently("books", self._look)
            await pause(stop, self._books_pause())

    async def _claim(self) -> None:
        free = self._limits.jobs_max - self.held
        if free <= 0:
            return
        lease_began = self._tools.clock.monotonic()
        async with self._tools.database.transaction() as tx:
            claimed = await jobs.claim(
                tx, owner=self._tools.owner, lease_seconds=self._limits.lease_seconds, jobs_max=free
            )
            counts = await jobs.active_counts(tx)
        for status in (JobStatus.PENDING, JobStatus.RUNNING):
            metrics.JOBS_ACTIVE.labels(status).set(counts.get(status, 0))
        for job in claimed:
            self._drive(job, lease_began)

    def _drive(self, job: Job, lease_began: float) -> None:
        if job.epoch > 1:
            metrics.LEASES_TAKEN_OVER.inc()
        lease = Lease(self._limits.lease_seconds, self._tools.clock.monotonic)
        lease.renewed(lease_began)
        run = JobRun(self._tools, job, lease)
        task = asyncio.create_task(run.run(), name=f"job-{job.job_id}")
        self._runs[run] = task
        metrics.JOBS_HELD.set(self.held)
        task.add_done_callback(lambda _: self._forget(run))

    def _forget(self, run: JobRun) -> None:
        task = self._runs.pop(run, None)
        metrics.JOBS_HELD.set(self.held)
        if task is not None and not task.cancelled() and task.exception() is not None:
            log.error("job run died", job_id=run.job.job_id, exc_info=task.exception())

    async def _renew(self) -> None:
        runs = list(self._runs)
        if not runs:
            return
        asked_at = self._tools.clock.monotonic()
        async with self._tools.database.transaction() as tx:
            held = await jobs.renew(tx, _jobs(runs), lease_seconds=self._limits.lease_seconds)
        for run in runs:
            if run.job.job_id in held:
                run.lease.renewed(asked_at)
            else:
                run.lose()

    async def _look(self) -> None:
        runs = list(self._runs)
        if not runs:
            return
        async with self._tools.database.transaction() as tx:
            held = await jobs.still_held(tx, _jobs(runs))
            books = await parts.read_books(tx, _jobs(runs))
        for run in runs:
            if run.job.job_id not in held:
                run.lose()
                continue
            try:
                async with self._tools.database.transaction() as tx:
                    await run.see(tx, books)
            except LeaseLost:
                run.lose()
            else:
                run.settle()

    def _books_pause(self) -> float:
        waiting = any(run.awaits_books for run in self._runs)
        return self._limits.books_waiting_seconds if waiting else self._limits.books_seconds

    async def _stop_all(self) -> None:
        tasks = list(self._runs.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _jobs(runs: Sequence[JobRun]) -> list[Job]:
    return [run.job for run in runs]
