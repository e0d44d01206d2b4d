"""Forget what can no longer come back."""

import asyncio
from datetime import timedelta
from typing import Final

from sync_common.contracts.stack import SERVICES
from sync_common.contracts.topics import SYNC_ORCHESTRATOR
from sync_common.db import Database
from sync_common.runtime import Clock
from sync_orchestrator.runner.loops import repeatedly
from sync_orchestrator.store import checks, events, jobs

INTERVAL_SECONDS: Final = 3_600.0
KEPT: Final = timedelta(days=1) + max(
    timedelta(milliseconds=topic.retention_ms) for topic in SERVICES[SYNC_ORCHESTRATOR].consumes
)
"""A day longer than Kafka keeps what we read: after that no event can be delivered twice."""


HISTORY: Final = timedelta(days=90)
JOBS_A_TURN_MAX: Final = 1_000


class Upkeep:
    """Empties the inbox of events that Kafka has forgotten, and forgets jobs and checks of long ago."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        """Tidy up once an hour until stopped."""
        await repeatedly(stop, "upkeep", self.tidy, pause_seconds=INTERVAL_SECONDS)

    async def tidy(self) -> None:
        """Tidy up once."""
        async with self._database.transaction() as tx:
            await events.forget_before(tx, self._clock.now() - KEPT)
        forgotten = JOBS_A_TURN_MAX
        while forgotten == JOBS_A_TURN_MAX:
            async with self._database.transaction() as tx:
                forgotten = await jobs.forget_before(
                    tx, self._clock.now() - HISTORY, jobs_max=JOBS_A_TURN_MAX
                )
        async with self._database.transaction() as tx:
            await checks.forget_before(tx, self._clock.now() - HISTORY)
