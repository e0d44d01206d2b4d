"""The API budget row of an installation, by the database's clock, and how much was used."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from shopify_fetcher.domain.budget import Budget, Lane, LaneState
from shopify_fetcher.store.tables import api_budgets, api_usage
from sync_common.db import Transaction

# What is assumed until the first answer has told the truth: the smallest plan.
FIRST_BUCKET_SIZE = 1_000.0
FIRST_RESTORE_RATE = 50.0


@dataclass(frozen=True, slots=True)
class LockedBudget:
    """A budget row that this transaction holds, and the database's time."""

    budget: Budget
    now: datetime


async def ensure(tx: Transaction, installation_id: int) -> None:
    """Make the row of a new installation."""
    statement = insert(api_budgets).values(
        installation_id=installation_id,
        bucket_size=FIRST_BUCKET_SIZE,
        available=FIRST_BUCKET_SIZE,
        restore_rate=FIRST_RESTORE_RATE,
        outstanding=0,
        settled=0,
        lanes={},
        level_at=func.clock_timestamp(),
    )
    await tx.execute(statement.on_conflict_do_nothing())


async def lock(tx: Transaction, installation_id: int) -> LockedBudget | None:
    """Read the row and hold it until the end of the transaction, which must be short."""
    held = (
        select(api_budgets)
        .where(api_budgets.c.installation_id == installation_id)
        .with_for_update()
        .cte("held")
    )
    # The clock is read after the lock was granted: an outer select over the locked row.
    row = (await tx.execute(select(held, func.clock_timestamp().label("now")))).mappings().first()
    if row is None:
        return None
    budget = Budget(
        bucket_size=row["bucket_size"],
        available=row["available"],
        restore_rate=row["restore_rate"],
        outstanding=row["outstanding"],
        level_at=row["level_at"].astimezone(UTC),
        blocked_until=row["blocked_until"],
        settled=row["settled"],
        lanes=_lanes(row["lanes"]),
    )
    return LockedBudget(budget, row["now"].astimezone(UTC))


async def save(tx: Transaction, installation_id: int, budget: Budget) -> None:
    """Write a locked row back."""
    await tx.execute(
        update(api_budgets)
        .where(api_budgets.c.installation_id == installation_id)
        .values(
            bucket_size=budget.bucket_size,
            available=budget.available,
            restore_rate=budget.restore_rate,
            outstanding=budget.outstanding,
            level_at=budget.level_at,
            blocked_until=budget.blocked_until,
            settled=budget.settled,
            lanes={lane.value: _lane_json(state) for lane, state in budget.lanes.items()},
        )
    )


async def note_usage(
    tx: Transaction, installation_id: int, *, lane: Lane, cost: float, throttled: bool, now: datetime
) -> None:
    """Count one call of today."""
    statement = insert(api_usage).values(
        installation_id=installation_id,
        day=now.astimezone(UTC).date(),
        lane=lane.value,
        calls=1,
        cost=cost,
        throttled=int(throttled),
    )
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=[api_usage.c.installation_id, api_usage.c.day, api_usage.c.lane],
            set_={
                name: api_usage.c[name] + statement.excluded[name] for name in ("calls", "cost", "throttled")
            },
        )
    )


async def forget_usage(tx: Transaction, *, older_than: timedelta) -> int:
    """Delete the counts of days long past; return how many rows."""
    oldest = func.date(func.timezone("UTC", func.clock_timestamp() - older_than))
    return int((await tx.execute(delete(api_usage).where(api_usage.c.day < oldest))).rowcount)


def _lanes(stored: Mapping[str, Mapping[str, Any]]) -> dict[Lane, LaneState]:
    known = {lane.value for lane in Lane}
    return {Lane(name): _lane(state) for name, state in stored.items() if name in known}


def _lane(state: Mapping[str, Any]) -> LaneState:
    until = state["needed_until"]
    return LaneState(state["credit"], state["needed"], datetime.fromisoformat(until) if until else None)


def _lane_json(state: LaneState) -> dict[str, Any]:
    until = state.needed_until
    return {
        "credit": round(state.credit, 3),
        "needed": state.needed,
        "needed_until": until.isoformat() if until else None,
    }
