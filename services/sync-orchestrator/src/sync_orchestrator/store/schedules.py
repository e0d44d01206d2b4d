"""Which stores are due, and when they are due next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, update

from sync_common.db import Transaction, load_sql
from sync_orchestrator.domain.schedule import Frequency, Run
from sync_orchestrator.store.tables import store_state

_PACKAGE: Final = "sync_orchestrator.store"


@dataclass(frozen=True, slots=True)
class Schedule:
    """A store's schedule as it was last worked out; `now` is the database's time."""

    advertiser_id: int
    store_id: int
    frequency: Frequency
    products_frequency: Frequency | None
    timezone: str
    now: datetime
    last_full_sync_at: datetime | None = None
    run: Run | None = None
    products_run: Run | None = None


async def load(tx: Transaction) -> int | None:
    """Return how many scheduled jobs are under way; None while another replica is scheduling."""
    count: int | None = (await tx.execute(load_sql(_PACKAGE, "scheduled_load"))).scalar_one()
    return count


async def changed(tx: Transaction, *, stores_max: int) -> Sequence[Schedule]:
    """Return stores whose settings or zone are no longer those of their schedule."""
    rows = await tx.execute(load_sql(_PACKAGE, "changed_schedules"), {"stores_max": stores_max})
    return [
        Schedule(
            advertiser_id=row.advertiser_id,
            store_id=row.store_id,
            frequency=Frequency(row.sync_frequency),
            products_frequency=_frequency(row.products_frequency),
            timezone=row.timezone,
            now=row.now,
        )
        for row in rows
    ]


async def due(tx: Transaction, *, stores_max: int) -> Sequence[Schedule]:
    """Return stores whose run has come, locked until this transaction ends."""
    rows = await tx.execute(load_sql(_PACKAGE, "due_stores"), {"stores_max": stores_max})
    return [
        Schedule(
            advertiser_id=row.advertiser_id,
            store_id=row.store_id,
            frequency=Frequency(row.scheduled_frequency),
            products_frequency=_frequency(row.scheduled_products_frequency),
            timezone=row.timezone,
            now=row.now,
            last_full_sync_at=row.last_full_sync_at,
            run=_run(row, "next_run"),
            products_run=_run(row, "next_products_run"),
        )
        for row in rows
    ]


async def plan(tx: Transaction, schedule: Schedule, run: Run | None, products_run: Run | None) -> None:
    """Keep when a store is due next, and what that was worked out from."""
    await tx.execute(
        update(store_state)
        .where(
            store_state.c.advertiser_id == schedule.advertiser_id, store_state.c.store_id == schedule.store_id
        )
        .values(
            scheduled_frequency=schedule.frequency,
            scheduled_products_frequency=schedule.products_frequency,
            timezone=schedule.timezone,
            next_run_at=run and run.at,
            next_run_slot=run and run.slot,
            next_products_run_at=products_run and products_run.at,
            next_products_run_slot=products_run and products_run.slot,
        )
    )


def _frequency(value: str | None) -> Frequency | None:
    return None if value is None else Frequency(value)


def _run(row: Row[Any], name: str) -> Run | None:
    at = getattr(row, f"{name}_at")
    return None if at is None else Run(at, getattr(row, f"{name}_slot"))
