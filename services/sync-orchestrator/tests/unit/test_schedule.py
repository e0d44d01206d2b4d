"""When stores sync by themselves: periods, daily runs across clock changes, catching up."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo
from zoneinfo import available_timezones as zones_of_the_world

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_common.contracts.events.lifecycle import JobType
from sync_orchestrator.domain import schedule
from sync_orchestrator.domain.schedule import Frequency

NEW_YORK = ZoneInfo("America/New_York")
ZONES = [
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "America/Santiago",
    "UTC",
]

periodic = st.sampled_from([f for f in Frequency if f in schedule.PERIODS])
instants = st.integers(0, 5 * 365 * 86_400).map(
    lambda seconds: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
stores = st.integers(1, 10**9)


@given(periodic, stores, instants)
def test_periodic_run_is_the_first_of_its_slots_after_the_instant(
    frequency: Frequency, store_id: int, after: datetime
) -> None:
    run = schedule.next_run(frequency, store_id=store_id, zone=NEW_YORK, after=after)

    assert run is not None
    assert timedelta(0) < run.at - after <= schedule.PERIODS[frequency]


@given(periodic, stores, instants)
def test_following_runs_are_one_period_apart_and_have_slots_of_their_own(
    frequency: Frequency, store_id: int, after: datetime
) -> None:
    first = schedule.next_run(frequency, store_id=store_id, zone=NEW_YORK, after=after)
    assert first is not None
    second = schedule.next_run(frequency, store_id=store_id, zone=NEW_YORK, after=first.at)

    assert second is not None
    assert second.at - first.at == schedule.PERIODS[frequency]
    assert second.slot != first.slot


def test_hourly_stores_spread_over_the_hour() -> None:
    after = datetime(2026, 11, 22, tzinfo=UTC)
    runs = [schedule.next_run(Frequency.HOURLY, store_id=n, zone=NEW_YORK, after=after) for n in range(6000)]

    minutes = [run.at.minute for run in runs if run]

    assert max(minutes.count(minute) for minute in range(60)) < 2 * 6000 / 60


@given(stores, instants, st.sampled_from(ZONES))
def test_manual_store_never_runs_by_itself(store_id: int, after: datetime, zone: str) -> None:
    assert schedule.next_run(Frequency.MANUAL, store_id=store_id, zone=ZoneInfo(zone), after=after) is None


@given(instants, st.sampled_from(ZONES))
def test_daily_runs_fall_on_each_local_date_exactly_once(after: datetime, zone_name: str) -> None:
    zone = ZoneInfo(zone_name)
    days = []
    for _ in range(5):
        run = schedule.next_run(Frequency.DAILY, store_id=1, zone=zone, after=after)
        assert run is not None
        assert run.at > after
        days.append(date.fromisoformat(run.slot.removeprefix("daily/")))
        after = run.at

    assert days == [days[0] + timedelta(days=n) for n in range(5)]


@pytest.mark.parametrize("zone_name", sorted(zones_of_the_world()))
def test_daily_store_runs_once_on_each_local_date_for_two_years(zone_name: str) -> None:
    """In every zone there is, all changes of clocks included, by a clock that jumps from run to run."""
    zone = ZoneInfo(zone_name)
    now = datetime(2025, 12, 31, 12, tzinfo=UTC)
    ends = now + timedelta(days=2 * 365)
    slots, late = [], []
    while (run := schedule.next_run(Frequency.DAILY, store_id=1, zone=zone, after=now)) and run.at < ends:
        slots.append(date.fromisoformat(run.slot.removeprefix("daily/")))
        local = run.at.astimezone(zone)
        if (local.date(), local.time()) != (slots[-1], time(2, 0)):
            late.append(local)
        now = run.at

    assert len(slots) == len(set(slots))
    assert slots == [slots[0] + timedelta(days=n) for n in range(len(slots))]
    assert all(after_a_gap(local) for local in late), late


def after_a_gap(local: datetime) -> bool:
    """Say whether the clocks went forward at just this moment."""
    before = (local.astimezone(UTC) - timedelta(seconds=1)).astimezone(local.tzinfo)
    return before.utcoffset() != local.utcoffset()


@pytest.mark.parametrize(
    ("day", "zone", "expected"),
    [
        # In the gap of spring the first valid instant is when the clocks jump.
        (date(2026, 3, 8), "America/New_York", datetime(2026, 3, 8, 7, 0, tzinfo=UTC)),
        (date(2026, 3, 29), "Europe/Berlin", datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),
        (date(2026, 10, 4), "Australia/Lord_Howe", datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
        # In the overlap of autumn only the first of the two counts.
        (date(2026, 11, 1), "America/New_York", datetime(2026, 11, 1, 7, 0, tzinfo=UTC)),
        (date(2026, 10, 25), "Europe/Berlin", datetime(2026, 10, 25, 0, 0, tzinfo=UTC)),
        (date(2026, 6, 1), "Asia/Kolkata", datetime(2026, 5, 31, 20, 30, tzinfo=UTC)),
    ],
)
def test_two_in_the_morning_across_clock_changes(day: date, zone: str, expected: datetime) -> None:
    assert schedule.first_valid_instant(day, time(2, 0), ZoneInfo(zone)) == expected


def test_first_of_two_equal_wall_times_is_taken() -> None:
    instant = schedule.first_valid_instant(date(2026, 11, 1), time(1, 30), NEW_YORK)

    assert instant == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)


def test_run_that_is_on_time_starts_at_once() -> None:
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)

    assert schedule.due_at(now - timedelta(seconds=10), store_id=7, now=now) == now


@given(stores, instants)
def test_runs_missed_in_a_pause_are_made_up_within_twenty_minutes(store_id: int, now: datetime) -> None:
    due = schedule.due_at(now - timedelta(hours=8), store_id=store_id, now=now)

    assert timedelta(0) <= due - now < timedelta(minutes=20)


@pytest.mark.parametrize(
    ("frequency", "days_ago", "expected"),
    [
        (Frequency.HOURLY, 1, JobType.INCREMENTAL_SYNC),
        (Frequency.HOURLY, 7, JobType.FULL_SYNC),
        (Frequency.REALTIME, 1, JobType.FULL_SYNC),
    ],
)
def test_everything_is_read_weekly_and_for_realtime_stores_daily(
    frequency: Frequency, days_ago: int, expected: JobType
) -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)

    assert (
        schedule.scheduled_type(frequency, last_full_sync_at=now - timedelta(days=days_ago), now=now)
        is expected
    )


def test_unknown_zone_counts_as_utc() -> None:
    assert schedule.zone_of("Mars/Olympus").key == "UTC"
