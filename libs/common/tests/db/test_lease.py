"""The holder's clock ends a lease no later than the row does."""

from datetime import UTC, datetime

from sync_common.db import Lease
from sync_common.runtime import ManualClock


def test_lease_ends_by_itself() -> None:
    clock = ManualClock(datetime(2026, 11, 22, tzinfo=UTC))
    lease = Lease(30, clock.monotonic)

    clock.advance(29.9)
    assert not lease.expired()
    clock.advance(0.1)

    assert lease.expired()
    assert lease.remaining() == 0


def test_renewal_counts_from_when_it_was_asked_for() -> None:
    clock = ManualClock(datetime(2026, 11, 22, tzinfo=UTC))
    lease = Lease(30, clock.monotonic)
    asked_at = clock.monotonic()
    clock.advance(10)  # the answer was slow

    lease.renewed(asked_at)

    assert lease.remaining() == 20
