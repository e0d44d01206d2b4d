"""The API budget of one installation as arithmetic over a leaky bucket. Pure: times are arguments.

Shopify takes a query's requested cost first and refunds the difference; `throttleStatus` of each answer tells the
bucket, the level and the restore rate (API rate limits). Several processes share one row, so a query that is on its
way is held in `outstanding` until its answer has told the truth.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

BLOCK_SECONDS_MIN = 0.1
BLOCK_SECONDS_MAX = 60.0
HOLD_DRAIN_SHARE = 0.25
RESERVE_POINTS_MAX = 500.0  # what interactive calls need at once does not grow with the plan


class Lane(StrEnum):
    """What a call is for. The share says how much of the bucket it must leave to the lanes above."""

    INTERACTIVE = "interactive"
    INCREMENTAL = "incremental"
    FULL = "full"

    @property
    def reserve_share(self) -> float:
        """Return the part of the bucket that this lane leaves untouched."""
        return {Lane.INTERACTIVE: 0.0, Lane.INCREMENTAL: 0.1, Lane.FULL: 0.25}[self]


@dataclass(frozen=True, slots=True)
class Budget:
    """What one installation may still spend, as the last answers told.

    `outstanding` drains at a share of the restore rate, so that the hold of a process that died dissolves by itself.
    """

    bucket_size: float
    available: float
    restore_rate: float
    outstanding: float
    level_at: datetime
    blocked_until: datetime | None = None

    def at(self, now: datetime) -> "Budget":
        """Return the budget as it stands at `now`; time never runs backwards."""
        if now <= self.level_at:
            return self
        restored = self.restore_rate * (now - self.level_at).total_seconds()
        return replace(
            self,
            available=min(self.bucket_size, self.available + restored),
            outstanding=max(0.0, self.outstanding - HOLD_DRAIN_SHARE * restored),
            level_at=now,
        )


@dataclass(frozen=True, slots=True)
class Reservation:
    """The answer to a wish to spend: go now (`wait_seconds` is 0), or ask again after that time."""

    budget: Budget
    wait_seconds: float

    @property
    def granted(self) -> bool:
        """Say whether the call may be sent now."""
        return self.wait_seconds == 0.0


def reserve(budget: Budget, *, cost: float, lane: Lane, now: datetime) -> Reservation:
    """Hold `cost` for one call, or say how long to wait. Every cost gets through in time, however small the bucket."""
    current = budget.at(now)
    if current.blocked_until is not None and current.blocked_until > now:
        return Reservation(current, max(0.01, (current.blocked_until - now).total_seconds()))
    cost = min(cost, current.bucket_size)
    floor = min(lane.reserve_share * current.bucket_size, RESERVE_POINTS_MAX, current.bucket_size - cost)
    wait = _seconds_until(current, cost + floor)
    if wait > 0:
        return Reservation(current, max(0.01, wait))
    return Reservation(replace(current, outstanding=current.outstanding + cost, blocked_until=None), 0.0)


def _seconds_until(budget: Budget, need: float) -> float:
    """Return how long until `need` points are free beside what is on its way."""
    lacking = need - (budget.available - budget.outstanding)
    if lacking <= 1e-6:
        return 0.0
    if need + budget.outstanding <= budget.bucket_size:
        return lacking / budget.restore_rate
    too_much = (
        need + budget.outstanding - budget.bucket_size
    )  # even a full bucket would not do: holds must go
    return max(
        (budget.bucket_size - budget.available) / budget.restore_rate,
        too_much / (HOLD_DRAIN_SHARE * budget.restore_rate),
    )


@dataclass(frozen=True, slots=True)
class ThrottleStatus:
    """What an answer told of the bucket."""

    maximum_available: float
    currently_available: float
    restore_rate: float


def settle(budget: Budget, *, reserved: float, status: ThrottleStatus | None, now: datetime) -> Budget:
    """Release a call's hold and take over what its answer told."""
    current = budget.at(now)
    released = replace(
        current, outstanding=max(0.0, current.outstanding - min(reserved, current.bucket_size))
    )
    if status is None or status.maximum_available <= 0 or status.restore_rate <= 0:
        return released
    return replace(
        released,
        bucket_size=status.maximum_available,
        restore_rate=status.restore_rate,
        available=min(status.maximum_available, max(0.0, status.currently_available)),
    )


def block(budget: Budget, *, seconds: float, now: datetime) -> Budget:
    """Stop every process until Shopify has said that it answers again; a block is never shortened."""
    until = now + timedelta(seconds=min(BLOCK_SECONDS_MAX, max(BLOCK_SECONDS_MIN, seconds)))
    if budget.blocked_until is not None and budget.blocked_until > until:
        until = budget.blocked_until
    return replace(budget, blocked_until=until)


def seconds_until_affordable(cost: float, status: ThrottleStatus | None) -> float:
    """Return how long a throttled query must wait: (requested - available) / restore rate."""
    if status is None or status.restore_rate <= 0:
        return 1.0
    return max(BLOCK_SECONDS_MIN, (cost - status.currently_available) / status.restore_rate)
