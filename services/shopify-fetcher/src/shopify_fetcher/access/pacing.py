"""Spends the API budget of an installation: one row for all processes, by the database's clock."""

import asyncio
from collections.abc import Awaitable, Callable

from shopify_fetcher import metrics
from shopify_fetcher.domain import budget as arithmetic
from shopify_fetcher.domain.budget import Lane, ThrottleStatus
from shopify_fetcher.errors import Throttled
from shopify_fetcher.store import budgets
from sync_common.db import Database

TOLD_FROM_SECONDS = 1.0
INTERACTIVE_WAIT_SECONDS_MAX = 15.0

OnWait = Callable[[float], Awaitable[None]]


class Pacer:
    """Holds calls back until the budget allows them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def wait_for(
        self, installation_id: int, *, cost: float, lane: Lane, on_wait: OnWait | None = None
    ) -> None:
        """Return when `cost` has been reserved; `on_wait` hears of waits that people notice.

        Raise Throttled where somebody waits for one answer and nobody would hear how long it takes.
        """
        while True:
            wait = await self._reserve(installation_id, cost, lane)
            if wait == 0.0:
                return
            if on_wait is None and lane is Lane.INTERACTIVE and wait > INTERACTIVE_WAIT_SECONDS_MAX:
                raise Throttled(wait)
            metrics.budget_waits.labels(lane.value).observe(wait)
            if on_wait is not None and wait >= TOLD_FROM_SECONDS:
                await on_wait(wait)
            await asyncio.sleep(wait)

    async def settle(
        self,
        installation_id: int,
        *,
        lane: Lane,
        reserved: float,
        cost: float,
        status: ThrottleStatus | None,
    ) -> None:
        """Take over what an answer told and count the call."""
        async with self._database.transaction() as tx:
            held = await budgets.lock(tx, installation_id)
            if held is None:
                return
            settled = arithmetic.settle(held.budget, reserved=reserved, status=status, now=held.now)
            await budgets.save(tx, installation_id, settled)
            await budgets.note_usage(tx, installation_id, lane=lane, cost=cost, throttled=False, now=held.now)

    async def block(self, installation_id: int, *, lane: Lane, reserved: float, seconds: float) -> None:
        """Hold every process back: Shopify has refused a call."""
        async with self._database.transaction() as tx:
            held = await budgets.lock(tx, installation_id)
            if held is None:
                return
            settled = arithmetic.settle(held.budget, reserved=reserved, status=None, now=held.now)
            await budgets.save(tx, installation_id, arithmetic.block(settled, seconds=seconds, now=held.now))
            await budgets.note_usage(tx, installation_id, lane=lane, cost=0, throttled=True, now=held.now)

    async def _reserve(self, installation_id: int, cost: float, lane: Lane) -> float:
        async with self._database.transaction() as tx:
            held = await budgets.lock(tx, installation_id)
            if held is None:
                await budgets.ensure(tx, installation_id)
                return 0.01
            answer = arithmetic.reserve(held.budget, cost=cost, lane=lane, now=held.now)
            await budgets.save(tx, installation_id, answer.budget)
            return answer.wait_seconds
