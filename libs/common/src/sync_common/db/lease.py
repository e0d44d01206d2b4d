"""The holder's side of a lease: a monotonic deadline that ends the work when it cannot be renewed."""

from collections.abc import Callable
from time import monotonic as system_monotonic


class Lease:
    """A claim that ends by itself.

    The row in the database carries owner, expiry and epoch; this object only knows, by a monotonic clock, until
    when its holder may act. It counts from before the renewal was sent, so it never outlives the row's claim.
    """

    def __init__(self, duration_seconds: float, monotonic: Callable[[], float] = system_monotonic) -> None:
        self._duration = duration_seconds
        self._monotonic = monotonic
        self._deadline = monotonic() + duration_seconds

    def renewed(self, asked_at: float) -> None:
        """Extend the claim; `asked_at` is the monotonic time just before the renewal was sent."""
        self._deadline = asked_at + self._duration

    def remaining(self) -> float:
        """Return the seconds left, never below zero."""
        return max(0.0, self._deadline - self._monotonic())

    def expired(self) -> bool:
        """Say whether the holder must stop."""
        return self.remaining() == 0.0
