"""The API budget of one installation as arithmetic over a leaky bucket. Pure: times are arguments.

Shopify takes a query's requested cost first and refunds the difference; `throttleStatus` of each answer tells the
bucket, the level and the restore rate (API rate limits). Several processes share one row, so a query that is on its
way is held in `outstanding` until its answer has told the truth.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

BLOCK_SECONDS_MIN: Final = 0.1
BLOCK_SECONDS_MAX: Final = 60.0
HOLD_DRAIN_SHARE: Final = 0.25
HEADROOM_POINTS_MAX: Final = 500.0  # what upper lanes need at once does not grow with the plan
QUERY_COST_MAX: Final = 1_000.0  # of one query, whatever the plan (API rate limits); a lane saves no more
WAITER_SECONDS: Final = 3.0  # a waiter that has not asked again for so long is gone


class Lane(StrEnum):
    """What a call is for, the most urgent first."""

    INTERACTIVE = "interactive"
    REFETCH = "refetch"
    INCREMENTAL = "incremental"
    FULL = "full"

    @property
    def headroom(self) -> float:
        """Return the part of the bucket that this lane leaves untouched, so that upper lanes need not wait."""
        return _HEADROOM[self]

    @property
    def pause_seconds(self) -> float:
        """Return how long a call waits at least before it asks again: each question costs a transaction."""
        return 0.02 if self is Lane.INTERACTIVE else 0.2

    @property
    def minimum(self) -> float:
        """Return the share of the restore rate that this lane is sure of, whatever the others want."""
        return _MINIMUM[self]


_HEADROOM: Final = {Lane.INTERACTIVE: 0.0, Lane.REFETCH: 0.05, Lane.INCREMENTAL: 0.1, Lane.FULL: 0.25}
_MINIMUM: Final = {Lane.INTERACTIVE: 0.3, Lane.REFETCH: 0.2, Lane.INCREMENTAL: 0.2, Lane.FULL: 0.1}


@dataclass(frozen=True, slots=True)
class LaneState:
    """One lane's guarantee: `credit` grows by the minimum share and is spent by every call of the lane.

    Whoever waits leaves the points it needs in `needed`; the others keep them free once the credit covers them.
    """

    credit: float = 0.0
    needed: float = 0.0
    needed_until: datetime | None = None

    def claim(self, now: datetime) -> float:
        """Return the points that other lanes must leave in the bucket for this one."""
        waits = self.needed_until is not None and self.needed_until > now
        return self.needed if waits and self.credit >= self.needed else 0.0


@dataclass(frozen=True, slots=True)
class Budget:
    """What one installation may still spend, as the last answers told.

    `available` leaves out what is on its way, which is `outstanding`. That drains at a share of the restore rate, so
    that the hold of a process that died dissolves by itself. `settled` counts the points of all answered calls.
    """

    bucket_size: float
    available: float
    restore_rate: float
    outstanding: float
    level_at: datetime
    blocked_until: datetime | None = None
    settled: float = 0.0
    lanes: Mapping[Lane, LaneState] = field(default_factory=lambda: MappingProxyType({}))

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
            lanes={
                lane: replace(
                    state := self.lane(lane),
                    credit=min(QUERY_COST_MAX, state.credit + lane.minimum * restored),
                )
                for lane in Lane
            },
        )

    def lane(self, lane: Lane) -> LaneState:
        """Return the guarantee of a lane."""
        return self.lanes.get(lane, LaneState())

    def with_lane(self, lane: Lane, state: LaneState) -> "Budget":
        """Return the budget with one lane's guarantee replaced."""
        return replace(self, lanes={**self.lanes, lane: state})


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
        return Reservation(current, max(lane.pause_seconds, (current.blocked_until - now).total_seconds()))
    cost = min(cost, current.bucket_size)
    guarantee = current.lane(lane)
    wait = _seconds_until(current, cost + _left_to_others(current, cost, lane, now))
    if wait > 0:
        wait = max(lane.pause_seconds, wait)
        until = now + timedelta(seconds=wait + WAITER_SECONDS)
        waiting = replace(guarantee, needed=min(cost, QUERY_COST_MAX), needed_until=until)
        return Reservation(current.with_lane(lane, waiting), wait)
    spent = LaneState(credit=max(0.0, guarantee.credit - cost))
    granted = replace(current, outstanding=current.outstanding + cost, blocked_until=None)
    return Reservation(granted.with_lane(lane, spent), 0.0)


def _left_to_others(budget: Budget, cost: float, lane: Lane, now: datetime) -> float:
    """Return the points that a call must leave: for what has waited for its minimum, and as the lane's headroom.

    A lane that has got less than its minimum owes no headroom.
    """
    if budget.lane(lane).credit >= cost:
        return 0.0
    claims = sum(budget.lane(other).claim(now) for other in Lane if other is not lane)
    headroom = min(lane.headroom * budget.bucket_size, HEADROOM_POINTS_MAX)
    return min(max(claims, headroom), budget.bucket_size - cost)


def _seconds_until(budget: Budget, need: float) -> float:
    """Return how long until `need` points are free beside what is on its way."""
    lacking = need - (budget.available - budget.outstanding)
    if lacking <= 1e-6:
        return 0.0
    if need + budget.outstanding <= budget.bucket_size:
        return lacking / budget.restore_rate
    # Even a full bucket would not do: holds must go.
    too_much = need + budget.outstanding - budget.bucket_size
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

    @property
    def is_sane(self) -> bool:
        """Say whether it can be believed at all."""
        return self.maximum_available > 0 and self.restore_rate > 0


def settle(
    budget: Budget,
    *,
    lane: Lane,
    reserved: float,
    cost: float,
    settled_before: float,
    status: ThrottleStatus | None,
    now: datetime,
) -> Budget:
    """Release a call's hold, charge it and its lane what it cost, and take over what its answer told.

    Answers of calls that overlap may come in another order than they were made. What an answer tells is true but for
    calls that were charged since: at most those that were settled while it was on its way (`settled_before` is the
    sum when it was sent), at least none; and it may have counted those that are still under way.
    """
    current = budget.at(now)
    outstanding = max(0.0, current.outstanding - min(reserved, current.bucket_size))
    guarantee = current.lane(lane)
    refunded = min(QUERY_COST_MAX, guarantee.credit + max(0.0, reserved - cost))
    released = replace(
        current,
        outstanding=outstanding,
        available=max(0.0, current.available - cost),
        settled=current.settled + cost,
        lanes={**current.lanes, lane: replace(guarantee, credit=refunded)},
    )
    if status is None or not status.is_sane:
        return released
    told = min(status.maximum_available, max(0.0, status.currently_available))
    overlapped = max(0.0, current.settled - settled_before)
    available = min(max(released.available, told - overlapped), told + outstanding)
    return replace(
        released,
        bucket_size=status.maximum_available,
        restore_rate=status.restore_rate,
        available=min(status.maximum_available, max(0.0, available)),
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
