"""The leaky bucket as arithmetic."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopify_fetcher.domain.budget import (
    HOLD_DRAIN_SHARE,
    Budget,
    Lane,
    LaneState,
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

    assert full.available - full.outstanding >= min(lane.headroom * full.bucket_size, 500) - 1e-3


@given(budgets, costs, later)
def test_settled_call_leaves_no_hold_and_the_level_that_was_told(
    budget: Budget, cost: float, now: datetime
) -> None:
    status = ThrottleStatus(2_000, 1_500, 100)
    empty = Budget(budget.bucket_size, budget.bucket_size, budget.restore_rate, 0, START)
    held = reserve(empty, cost=cost, lane=Lane.INTERACTIVE, now=START).budget

    settled = settle(
        held, lane=Lane.INTERACTIVE, reserved=cost, cost=cost, settled_before=0, status=status, now=now
    )

    assert settled.outstanding <= 1e-6
    assert (settled.bucket_size, settled.available, settled.restore_rate) == (2_000, 1_500, 100)


def test_answers_in_another_order_than_the_calls_never_raise_the_level() -> None:
    """The older of two answers told a higher level; taken at its word, it spent the other call's points again."""
    budget = Budget(1_000, 500, 50, 0, START)
    for _ in range(2):
        budget = reserve(budget, cost=200, lane=Lane.INTERACTIVE, now=START).budget
    second, first = ThrottleStatus(1_000, 100, 50), ThrottleStatus(1_000, 300, 50)

    budget = settle(
        budget, lane=Lane.INTERACTIVE, reserved=200, cost=200, settled_before=0, status=second, now=START
    )
    budget = settle(
        budget, lane=Lane.INTERACTIVE, reserved=200, cost=200, settled_before=0, status=first, now=START
    )

    assert (budget.available, budget.outstanding) == (100, 0)


def test_level_told_by_an_answer_that_overlapped_nothing_is_believed() -> None:
    budget = reserve(Budget(1_000, 500, 50, 0, START), cost=100, lane=Lane.FULL, now=START).budget

    poorer = settle(
        budget,
        lane=Lane.FULL,
        reserved=100,
        cost=50,
        settled_before=0,
        status=ThrottleStatus(1_000, 20, 50),
        now=START,
    )
    richer = settle(
        budget,
        lane=Lane.FULL,
        reserved=100,
        cost=50,
        settled_before=0,
        status=ThrottleStatus(1_000, 900, 50),
        now=START,
    )

    assert (poorer.available, richer.available) == (20, 900)


def simulate(
    demands: dict[Lane, float], seconds: int, budget: Budget, *, charged: float = 1.0
) -> dict[Lane, float]:
    """Let one caller per lane ask for the same cost again and again; return what each lane was charged."""
    got = dict.fromkeys(demands, 0.0)
    asks_at = dict.fromkeys(demands, START)
    now, step = START, timedelta(milliseconds=20)
    while now < START + timedelta(seconds=seconds):
        now += step
        for lane, cost in demands.items():
            if asks_at[lane] > now:
                continue
            answer = reserve(budget, cost=cost, lane=lane, now=now)
            budget = answer.budget
            if answer.granted:
                budget = settle(
                    budget,
                    lane=lane,
                    reserved=cost,
                    cost=charged * cost,
                    settled_before=budget.settled,
                    status=None,
                    now=now,
                )
                got[lane] += charged * cost
            asks_at[lane] = now + timedelta(seconds=answer.wait_seconds)
    return got


@pytest.mark.parametrize("charged", [1.0, 0.3])
def test_no_lane_starves_while_those_above_want_everything(charged: float) -> None:
    """Where queries cost less than they ask for, a lane had spent its share with what it was never charged."""
    demands = {Lane.INTERACTIVE: 30.0, Lane.REFETCH: 50.0, Lane.INCREMENTAL: 80.0, Lane.FULL: 200.0}

    got = simulate(demands, 300, Budget(2_000, 2_000, 100, 0, START), charged=charged)

    allowance = 2_000 + 300 * 100
    assert sum(got.values()) >= 0.95 * allowance
    for lane in demands:
        assert got[lane] >= 0.8 * lane.minimum * 300 * 100, lane


def test_lone_lane_may_use_the_whole_allowance() -> None:
    got = simulate({Lane.FULL: 200.0}, 300, Budget(2_000, 2_000, 100, 0, START))

    assert got[Lane.FULL] >= 0.95 * (2_000 - 500 + 300 * 100)


def test_urgent_lanes_come_first_beyond_the_minimum_shares() -> None:
    got = simulate({Lane.INTERACTIVE: 50.0, Lane.FULL: 50.0}, 300, Budget(2_000, 2_000, 100, 0, START))

    assert got[Lane.INTERACTIVE] > 4 * got[Lane.FULL]


def test_claim_of_a_waiter_that_went_away_lapses() -> None:
    gone = LaneState(credit=500, needed=400, needed_until=START - timedelta(seconds=1))
    budget = Budget(1_000, 300, 50, 0, START, lanes={Lane.FULL: gone})

    assert reserve(budget, cost=250, lane=Lane.INTERACTIVE, now=START).granted


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

    settled = settle(
        budget,
        lane=Lane.FULL,
        reserved=0,
        cost=0,
        settled_before=0,
        status=ThrottleStatus(0, -5, 0),
        now=START,
    )

    assert settled.at(START) == replace(budget, lanes=settled.lanes)
