"""What is done on a timer: late links, erasing shops in small steps, folding and forgetting what is old."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from record_writer.metrics import LINKS_SWEPT
from record_writer.store import books, erasure, records
from record_writer.store.tables import outbox as outbox_table
from sync_common.bus import outbox
from sync_common.bus.waiting import pause
from sync_common.contracts.events import ShopRedacted
from sync_common.contracts.resources import Resource
from sync_common.contracts.topics import DEAD_LETTER_RETENTION_MS, RECORD_WRITER, TOPICS, sync_topic
from sync_common.db import Database, Transaction, is_transient
from sync_common.runtime import Clock

FIRST_HORIZON_SECONDS: Final = 86_400.0  # after a start nobody knows for how long no sweep ran
SWEEPS_REST: Final = 20.0  # sweeps may take a twentieth of the time, however many orders wait in a first sync
ERASED_MAX: Final = 2_000

TIDY_EVERY_SECONDS: Final = 3_600.0
ROWS_MAX: Final = 5_000
JOBS_MAX: Final = 100
DELIVERIES_KEPT: Final = 100
DELIVERIES_KEPT_FOR: Final = timedelta(days=30)
_SOURCES: Final = (DEAD_LETTER_RETENTION_MS, *(TOPICS[sync_topic(one)].retention_ms for one in Resource))
QUIET: Final = timedelta(milliseconds=max(_SOURCES), days=1)
"""After this long nothing of a job is left in any topic that could come again."""

Chore = Callable[[Transaction], Awaitable[bool]]
CHORES: Final[tuple[Chore, ...]] = (
    partial(books.close_jobs, quiet=QUIET, limit=JOBS_MAX),
    partial(books.fold_ledger, unsettled=timedelta(seconds=records.UNSETTLED_SECONDS), limit=ROWS_MAX),
    partial(books.fold_row_tallies, limit=ROWS_MAX),
    partial(books.forget_surplus_deliveries, kept=DELIVERIES_KEPT, limit=ROWS_MAX),
    partial(books.forget_old_deliveries, kept=DELIVERIES_KEPT_FOR, limit=ROWS_MAX),
    erasure.forget_expired_exports,
)
"""What is tidied up, each in small transactions until it says that nothing is left."""

log = structlog.get_logger()


@dataclass
class Upkeep:
    """The periodic work of one process; any number may run it at once."""

    database: Database
    clock: Clock
    sweep_seconds: float
    _swept_at: float | None = None
    _tidy_at: float = 0.0
    _chores: list[Chore] = field(default_factory=list)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until stopped; outages are waited out."""
        while not stop.is_set():
            began_at = swept_at = self.clock.monotonic()
            try:
                await self.sweep(stop)
                swept_at = self.clock.monotonic()
                while not stop.is_set() and await self.erase():
                    pass
                await self.tidy(stop)
            except Exception as error:
                if not is_transient(error):
                    raise
                log.warning("upkeep_waits", error=type(error).__name__)
            await pause(stop, self.pause_after(swept_at - began_at))

    def pause_after(self, swept_seconds: float) -> float:
        """Return how long to rest after a sweep that took so long."""
        return max(self.sweep_seconds, SWEEPS_REST * swept_seconds)

    async def sweep(self, stop: asyncio.Event) -> int:
        """Link orders that were written at the same moment as their contacts; return how many.

        Looks at all that may have changed since the last sweep, page by page: orders that wait for a contact which
        never comes must not hide the others.
        """
        started_at, linked = self.clock.monotonic(), 0
        place: records.Place | None = records.NEWEST
        while place is not None and not stop.is_set():
            async with self.database.transaction() as tx:
                number, place = await records.sweep_links(
                    tx, before=place, horizon_seconds=self._horizon_seconds(), limit=records.SWEPT_MAX
                )
            LINKS_SWEPT.inc(number)
            linked += number
        if place is None:
            self._swept_at = started_at
        return linked

    def _horizon_seconds(self) -> float:
        if self._swept_at is None:
            return FIRST_HORIZON_SECONDS
        return self.clock.monotonic() - self._swept_at + records.UNSETTLED_SECONDS

    async def erase(self) -> bool:
        """Erase one step of the oldest shop erasure and announce its end; False when there is none."""
        async with self.database.transaction() as tx:
            due = await erasure.claim_erasure(tx)
            if due is None:
                return False
            await records.lock_shops(tx, shared=(), exclusive=[due.shop_domain])
            effects = await erasure.erase_some(tx, due, limit=ERASED_MAX)
            is_done = not any(effects.values())
            await erasure.note_erased(tx, due, effects, done=is_done)
            if is_done:
                now = self.clock.now()
                event = ShopRedacted(
                    store_id=due.store_id,
                    advertiser_id=due.advertiser_id,
                    shop_domain=due.shop_domain,
                    generation=due.generation,
                    redacted_at=now,
                )
                await outbox.publish(tx, outbox_table, event, source=RECORD_WRITER, now=now)
        return True

    async def tidy(self, stop: asyncio.Event) -> None:
        """Do the chores of this hour, as far as that is done before the next sweep is due; go on after it."""
        started_at = self.clock.monotonic()
        if not self._chores and started_at >= self._tidy_at:
            self._chores = list(CHORES)
            self._tidy_at = started_at + TIDY_EVERY_SECONDS
        while self._chores and not stop.is_set() and self.clock.monotonic() < started_at + self.sweep_seconds:
            async with self.database.transaction() as tx:
                is_more_left = await self._chores[0](tx)
            if not is_more_left:
                del self._chores[0]
