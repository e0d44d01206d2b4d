"""Forget what is of no more use: days of API usage long past, bulk operations whose results are gone."""

import asyncio
from datetime import timedelta
from typing import Final

import structlog

from shopify_fetcher.store import budgets, bulk
from sync_common.bus.waiting import pause
from sync_common.db import Database

INTERVAL_SECONDS: Final = 3_600.0
USAGE_KEPT: Final = timedelta(days=90)
OPERATIONS_KEPT: Final = timedelta(days=14)  # Shopify keeps a result for 7 days and runs one for 10 at most

log = structlog.get_logger()


class Upkeep:
    """Tidies up the fetcher's tables; any number of processes may do so at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self, stop: asyncio.Event) -> None:
        """Tidy up once an hour until stopped."""
        while not stop.is_set():
            try:
                await self.tidy()
            except Exception:
                log.exception("upkeep_broke")
            await pause(stop, INTERVAL_SECONDS)

    async def tidy(self) -> None:
        """Tidy up once."""
        async with self._database.transaction() as tx:
            await budgets.forget_usage(tx, older_than=USAGE_KEPT)
            await bulk.forget(tx, older_than=OPERATIONS_KEPT)
