"""Claim checks of stores and make them: every resource that may be read, one after the other."""

import asyncio
from datetime import timedelta
from typing import Final

import structlog

from sync_common.bus import BusError
from sync_common.contracts.events.lifecycle import JobType, TriggeredBy
from sync_common.contracts.resources import Resource
from sync_common.db import is_transient
from sync_orchestrator import metrics
from sync_orchestrator.domain import reasons, retry
from sync_orchestrator.domain.checks import Check, CheckState, Proof
from sync_orchestrator.domain.model import JobWish
from sync_orchestrator.errors import FetcherRefused, LeaseLost, MirrorTooShort, Stopping, StreamCut
from sync_orchestrator.runner.comparing import Comparison
from sync_orchestrator.runner.loops import repeatedly
from sync_orchestrator.runner.tools import Tools
from sync_orchestrator.store import checks, jobs, stores

FIRST_PAUSE: Final = timedelta(seconds=30)
LONGEST_PAUSE: Final = timedelta(minutes=15)
_READ_IN_FULL: Final = JobWish(JobType.FULL_SYNC, TriggeredBy.SYSTEM)

log = structlog.get_logger()


class Checker:
    """Makes some checks at a time. One that is cut short is begun anew: what it did till then stays done."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def run(self, stop: asyncio.Event) -> None:
        """Make checks until stopped."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._tools.limits.checks_max):
                group.create_task(self._work(stop))

    async def _work(self, stop: asyncio.Event) -> None:
        await repeatedly(
            stop, "check", lambda: self._turn(stop), pause_seconds=self._tools.limits.claim_seconds
        )

    async def _turn(self, stop: asyncio.Event) -> None:
        while not stop.is_set() and (check := await self._claim()) is not None:
            await CheckRun(self._tools, check, stop).run()

    async def _claim(self) -> Check | None:
        async with self._tools.database.transaction() as tx:
            return await checks.claim(
                tx, owner=self._tools.owner, lease_seconds=self._tools.limits.check_lease_seconds
            )


class CheckRun:
    """One check in this replica's hands."""

    def __init__(self, tools: Tools, check: Check, stop: asyncio.Event) -> None:
        self._tools = tools
        self._check = check
        self._stop = stop
        self._resource: Resource = Resource.CUSTOMERS

    async def run(self) -> None:
        """Compare each resource and keep its proof. Whatever ends the check ends in its row, if it is still ours."""
        try:
            await self._to_its_end()
        except LeaseLost as error:
            log.warning("check lost", check_id=self._check.check_id, reason=str(error))

    async def _to_its_end(self) -> None:
        try:
            await self._compare_all()
        except LeaseLost:
            raise
        except Stopping:
            await self._put_back(timedelta(), failures=0)
        except MirrorTooShort as error:
            await self._read_in_full(error)
        except FetcherRefused as error:
            await self._refused(error)
        except (StreamCut, BusError) as error:
            await self._put_back(self._delay(), reason=error)
        except Exception as error:
            if is_transient(error):
                raise
            log.exception("check failed", check_id=self._check.check_id)
            await self._end(CheckState.FAILED, reasons.ON_OUR_SIDE)

    async def _compare_all(self) -> None:
        async with self._tools.database.transaction() as tx:
            access = await stores.access_of(tx, self._check)
        for self._resource in Resource:
            if self._resource not in access.unreadable:
                comparison = Comparison(
                    self._tools,
                    self._check,
                    self._resource,
                    self._stop,
                    sees_all_orders=access.has_all_orders and self._check.orders_complete,
                )
                await self._keep(await comparison.prove())
        await self._end(CheckState.DONE)

    async def _keep(self, proof: Proof) -> None:
        async with self._tools.database.transaction() as tx:
            await checks.note_proof(tx, self._check, self._resource, proof)
        metrics.note_proof(self._resource, proof)
        log.info(
            "checked",
            store_id=self._check.store_id,
            resource=self._resource,
            shopify_count=proof.shopify_count,
            our_count=proof.our_count,
            missing=proof.missing,
            surplus=proof.surplus,
            repaired=proof.repaired,
        )

    async def _refused(self, error: FetcherRefused) -> None:
        if retry.ends_connection(error.code):
            await self._end(CheckState.CANCELLED)
        elif error.retryable:
            await self._put_back(self._delay(), reason=error)
        else:
            await self._end(CheckState.FAILED, reasons.in_words(error.code, self._resource))

    async def _end(self, state: CheckState, error_message: str | None = None) -> None:
        async with self._tools.database.transaction() as tx:
            await checks.end(tx, self._check, state, error_message=error_message)
        metrics.CHECKS_ENDED.labels(state).inc()

    async def _put_back(
        self, delay: timedelta, *, failures: int = 1, reason: Exception | None = None
    ) -> None:
        async with self._tools.database.transaction() as tx:
            await checks.postpone(tx, self._check, delay=delay, failures=failures)
        log.warning("check put back", check_id=self._check.check_id, reason=str(reason or "stopping"))

    def _delay(self) -> timedelta:
        return min(FIRST_PAUSE * (1 << min(self._check.attempt, 10)), LONGEST_PAUSE)

    async def _read_in_full(self, error: MirrorTooShort) -> None:
        """Where very much is missing, a full sync brings it sooner than reads by id; its own check follows."""
        await self._keep(
            Proof(error.shopify_count, error.our_count, missing=error.shopify_count - error.our_count)
        )
        async with self._tools.database.transaction() as tx:
            await checks.end(tx, self._check, CheckState.DONE)
            wanted = await jobs.want(tx, self._check.advertiser_id, self._check.store_id, _READ_IN_FULL)
            if wanted is not None and not wanted[1]:
                await jobs.hasten(tx, wanted[0], _READ_IN_FULL)
        metrics.CHECKS_ENDED.labels(CheckState.DONE).inc()
