"""The leaky bucket as arithmetic."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shopify_fetcher.domain.budget import (
    HOLD_DRAIN_SHARE,
    Budget,
    Lane,
    ThrottleStatus,
    block,
    reserve,
    settle,
)

START = datetime(2026, 11, 22, 12, tzinfo=UTC)

budgets = st.builds(
    Budget,
    bucket_size=st.floats(1, 40_000),
    available=st.floats(0, 40_000),
    restore_rate=st.floats(0.5, 2_000),
    outstanding=st.floats(0, 10_000),
    level_at=st.just(START),
).map(
    lambda b: (
        b
        if b.available <= b.bucket_size
        else Budget(b.bucket_size, b.bucket_size, b.restore_rate, b.outstanding, START)
    )
)
costs = st.floats(0, 50_000)
lanes = st.sampled_from(Lane)
later = st.floats(0, 3_600).map(lambda seconds: START + timedelta(seconds=seconds))


@given(budgets, costs, lanes, later)
def test_after_the_wait_that_was_told_the_call_gets_through(
    budget: Budget, cost: float, lane: Lane, now: datetime
) -> None:
    first = reserve(budget, cost=cost, lane=lane, now=now)

    again = reserve(
        first.budget, cost=cost, lane=lane, now=now + timedelta(seconds=first.wait_seconds + 0.001)
    )

    assert first.granted or again.granted


@given(budgets, st.lists(st.tuples(costs, lanes), max_size=30))
def test_what_is_granted_at_one_instant_never_exceeds_what_is_there(
    budget: Budget, wishes: list[tuple[float, Lane]]
) -> None:
    there = max(0.0, budget.available - budget.outstanding)

    granted, current = 0.0, budget
    for cost, lane in wishes:
        answer = reserve(current, cost=cost, lane=lane, now=START)
        current = answer.budget
        granted += min(cost, budget.bucket_size) if answer.granted else 0.0

    assert granted <= there + 1e-3


@given(budgets, lanes)
def test_lower_lanes_leave_a_share_for_interactive_calls(budget: Budget, lane: Lane) -> None:
    cost = budget.bucket_size / 100
    full = Budget(budget.bucket_size, budget.bucket_size, budget.restore_rate, 0, START)

    while (answer := reserve(full, cost=cost, lane=lane, now=START)).granted:
        full = answer.budget

    assert full.available - full.outstanding >= min(lane.reserve_share * full.bucket_size, 500) - 1e-3


@given(budgets, costs, later)
def test_settled_call_leaves_no_hold(budget: Budget, cost: float, now: datetime) -> None:
    status = ThrottleStatus(2_000, 1_500, 100)
    empty = Budget(budget.bucket_size, budget.bucket_size, budget.restore_rate, 0, START)
    held = reserve(empty, cost=cost, lane=Lane.INTERACTIVE, now=START).budget

    settled = settle(held, reserved=cost, status=status, now=now)

    assert settled.outstanding <= 1e-6
    assert (settled.bucket_size, settled.available, settled.restore_rate) == (2_000, 1_500, 100)


@given(budgets, costs, later)
def test_hold_of_a_process_that_died_dissolves(budget: Budget, cost: float, now: datetime) -> None:
    held = reserve(budget, cost=cost, lane=Lane.FULL, now=now).budget
    seconds = held.outstanding / (HOLD_DRAIN_SHARE * held.restore_rate) + 1

    assert held.at(now + timedelta(seconds=seconds)).outstanding == 0


@given(budgets, costs, lanes, st.floats(-10, 10_000))
def test_block_holds_every_lane_back_until_it_ends(
    budget: Budget, cost: float, lane: Lane, seconds: float
) -> None:
    blocked = block(budget, seconds=seconds, now=START)

    answer = reserve(blocked, cost=cost, lane=lane, now=START)

    assert not answer.granted
    assert answer.wait_seconds <= 60
    assert block(blocked, seconds=0, now=START).blocked_until == blocked.blocked_until


def test_absurd_throttle_status_changes_nothing() -> None:
    budget = Budget(2_000, 500, 100, 0, START)

    settled = settle(budget, reserved=0, status=ThrottleStatus(0, -5, 0), now=START)

    assert settled == budget
