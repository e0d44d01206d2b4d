"""How far a store is synced never claims too much."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sync_orchestrator.domain.watermark import basis, reached

instants = st.integers(0, 5 * 365 * 86_400).map(
    lambda seconds: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)


def test_without_shopify_time_the_database_counts() -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)

    assert basis(now, None) == now


@given(instants, instants)
def test_basis_is_never_after_either_clock(database: datetime, shopify: datetime) -> None:
    assert basis(database, shopify) <= min(database, shopify)


def test_watermark_stays_ten_minutes_behind_the_start() -> None:
    started = datetime(2026, 11, 22, 12, tzinfo=UTC)

    assert reached(started) == started - timedelta(minutes=10)
