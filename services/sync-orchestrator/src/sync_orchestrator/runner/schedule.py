"""Follow the schedule: jobs for the stores that are due, the next run worked out in the same transaction."""

import asyncio
from datetime import datetime
from typing import Final

import structlog

from sync_common.contracts.events.lifecycle import JobType, TriggeredBy
from sync_common.db import Database, Transaction
from sync_orchestrator import metrics
from sync_orchestrator.domain import schedule as rules
from sync_orchestrator.domain.model import JobWish
from sync_orchestrator.domain.schedule import Run
from sync_orchestrator.runner.loops import repeatedly
from sync_orchestrator.store import jobs, schedules
from sync_orchestrator.store.schedules import Schedule

STORES_A_TURN_MAX: Final = 200

log = structlog.get_logger()


class Scheduler:
    """Creates scheduled jobs, under a cap over all replicas."""

    def __init__(self, database: Database, *, jobs_max: int, interval_seconds: float) -> None:
        self._database = database
        self._jobs_max = jobs_max
        self._interval_seconds = interval_seconds

    async def run(self, stop: asyncio.Event) -> None:
        """Look for due stores until stopped."""
        await repeatedly(stop, "schedule", self._turn, pause_seconds=self._interval_seconds)

    async def _turn(self) -> None:
        async with self._database.transaction() as tx:
            await plan_changed(tx)
        async with self._database.transaction() as tx:
            created = await create_due(tx, jobs_max=self._jobs_max)
        if created:
            metrics.SCHEDULED.inc(created)
            log.info("scheduled", count=created)


async def plan_changed(tx: Transaction) -> None:
    """Work out the next run of stores whose frequency or zone has changed."""
    for schedule in await schedules.changed(tx, stores_max=STORES_A_TURN_MAX):
        await schedules.plan(
            tx, schedule, _next(schedule, schedule.now), _next_products(schedule, schedule.now)
        )


async def create_due(tx: Transaction, *, jobs_max: int) -> int:
    """Create a job for each due store and plan its next run; return how many jobs are new."""
    under_way = await schedules.load(tx)
    if under_way is None or under_way >= jobs_max:
        return 0
    stores_max = min(jobs_max - under_way, STORES_A_TURN_MAX)
    created = 0
    for schedule in await schedules.due(tx, stores_max=stores_max):
        created += await _create(tx, schedule)
    return created


async def _create(tx: Transaction, schedule: Schedule) -> int:
    run = _come(schedule.run, schedule)
    products_run = _come(schedule.products_run, schedule)
    wish, planned = _wish(schedule, run, products_run)
    due_at = rules.due_at(planned.at, store_id=schedule.store_id, now=schedule.now)
    wanted = await jobs.want(tx, schedule.advertiser_id, schedule.store_id, wish, due_at=due_at)
    await schedules.plan(
        tx,
        schedule,
        _next(schedule, due_at) if run else schedule.run,
        _next_products(schedule, due_at) if products_run else schedule.products_run,
    )
    return int(wanted is not None and wanted[1])


def _wish(schedule: Schedule, run: Run | None, products_run: Run | None) -> tuple[JobWish, Run]:
    if run is None:
        assert products_run is not None  # noqa: S101 - a store is due for one of the two
        slot = f"products/{products_run.slot}"
        return JobWish(JobType.PRODUCTS_ONLY, TriggeredBy.SCHEDULE, schedule_slot=slot), products_run
    job_type = rules.scheduled_type(
        schedule.frequency, last_full_sync_at=schedule.last_full_sync_at, now=schedule.now
    )
    skips_products = (
        job_type is JobType.INCREMENTAL_SYNC
        and schedule.products_frequency is not None
        and products_run is None
    )
    wish = JobWish(job_type, TriggeredBy.SCHEDULE, schedule_slot=run.slot, skips_products=skips_products)
    return wish, run


def _come(run: Run | None, schedule: Schedule) -> Run | None:
    return run if run is not None and run.at <= schedule.now else None


def _next(schedule: Schedule, after: datetime) -> Run | None:
    """Return the run that follows an instant: the start of the one before, which may be made up late."""
    zone = rules.zone_of(schedule.timezone)
    return rules.next_run(schedule.frequency, store_id=schedule.store_id, zone=zone, after=after)


def _next_products(schedule: Schedule, after: datetime) -> Run | None:
    if schedule.products_frequency is None:
        return None
    zone = rules.zone_of(schedule.timezone)
    return rules.next_run(schedule.products_frequency, store_id=schedule.store_id, zone=zone, after=after)
