"""How long a job is said to take."""

from hypothesis import given
from hypothesis import strategies as st

from sync_orchestrator.domain.estimate import duration_seconds


def test_unknown_speed_counts_as_a_thousand_records_a_minute() -> None:
    assert duration_seconds(5_000) == 300


def test_known_speed_is_used() -> None:
    assert duration_seconds(5_000, per_minute=10_000) == 30


@given(st.integers(1, 10**7), st.integers(1, 10**5))
def test_same_work_at_the_measured_speed_takes_as_long_again(records: int, seconds: int) -> None:
    assert abs(duration_seconds(records, records * 60 / seconds) - seconds) <= 1
