"""Spends the API budget of an installation: one row for all processes, by the database's clock."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from shopify_fetcher import metrics
from shopify_fetcher.domain import budget as arithmetic
from shopify_fetcher.domain.budget import Lane, ThrottleStatus
from shopify_fetcher.errors import Throttled
from shopify_fetcher.store import budgets
from sync_common.db import Database

TOLD_FROM_SECONDS = 1.0
UNHEARD_WAIT_SECONDS_MAX = 15.0

OnWait = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Hold:
    """Points reserved for one call. `settled_before` is what all calls had been charged until then."""

    installation_id: int
    lane: Lane
    points: float
    settled_before: float
    waited_seconds: float


class Pacer:
    """Holds calls back until the budget allows them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def wait_for(
        self, installation_id: int, *, cost: float, lane: Lane, on_wait: OnWait | None = None
    ) -> Hold:
        """Return when `cost` has been reserved; `on_wait` hears of waits that people notice.

        Raise Throttled where somebody waits for one answer and nobody would hear how long it takes.
        """
        began = time.monotonic()
        while True:
            answer = await self._reserve(installation_id, cost, lane)
            wait = answer.wait_seconds
            if answer.granted:
                return Hold(installation_id, lane, cost, answer.budget.settled, time.monotonic() - began)
            if on_wait is None and wait > UNHEARD_WAIT_SECONDS_MAX:
                raise Throttled(wait)
            metrics.budget_waits.labels(lane.value).observe(wait)
            if on_wait is not None and wait >= TOLD_FROM_SECONDS:
                await on_wait(wait)
            await asyncio.sleep(wait)

    async def settle(self, hold: Hold, *, cost: float, status: ThrottleStatus | None) -> None:
        """Take over what an answer told and count the call."""
        await self._settle(hold, cost=cost, status=status, blocked_seconds=None)

    async def block(self, hold: Hold, *, seconds: float, status: ThrottleStatus | None) -> None:
        """Hold every process back: Shopify has refused a call."""
        await self._settle(hold, cost=0.0, status=status, blocked_seconds=seconds)

    async def _settle(
        self, hold: Hold, *, cost: float, status: ThrottleStatus | None, blocked_seconds: float | None
    ) -> None:
        async with self._database.transaction() as tx:
            held = await budgets.lock(tx, hold.installation_id)
            if held is None:
                return
            settled = arithmetic.settle(
                held.budget,
                lane=hold.lane,
                reserved=hold.points,
                cost=cost,
                settled_before=hold.settled_before,
                status=status,
                now=held.now,
            )
            if blocked_seconds is not None:
                settled = arithmetic.block(settled, seconds=blocked_seconds, now=held.now)
            await budgets.save(tx, hold.installation_id, settled)
            await budgets.note_usage(
                tx,
                hold.installation_id,
                lane=hold.lane,
                cost=cost,
                throttled=blocked_seconds is not None,
                now=held.now,
            )

    async def _reserve(self, installation_id: int, cost: float, lane: Lane) -> arithmetic.Reservation:
        async with self._database.transaction() as tx:
            held = await budgets.lock(tx, installation_id)
            if held is None:
                await budgets.ensure(tx, installation_id)
                held = await budgets.lock(tx, installation_id)
            if held is None:
                raise AssertionError  # pragma: no cover - made just now, and never deleted
            answer = arithmetic.reserve(held.budget, cost=cost, lane=lane, now=held.now)
            await budgets.save(tx, installation_id, answer.budget)
            return answer
