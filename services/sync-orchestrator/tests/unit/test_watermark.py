"""How far a store is synced never claims too much."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sync_orchestrator.domain.watermark import MARGIN, advanced, basis

instants = st.integers(0, 5 * 365 * 86_400).map(
    lambda seconds: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)


def test_without_shopify_time_the_database_counts() -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)

    assert basis(now, None) == now


@given(instants, instants)
def test_basis_is_never_after_either_clock(database: datetime, shopify: datetime) -> None:
    assert basis(database, shopify) <= min(database, shopify)


@given(st.none() | instants, instants)
def test_watermark_never_goes_back_and_never_passes_the_margin(
    old: datetime | None, started: datetime
) -> None:
    new = advanced(old, started)

    assert old is None or new >= old
    assert new == old or new == started - MARGIN


def test_first_watermark_is_ten_minutes_before_the_start() -> None:
    started = datetime(2026, 11, 22, 12, tzinfo=UTC)

    assert advanced(None, started) == started - timedelta(minutes=10)
