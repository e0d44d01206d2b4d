"""The leaky bucket that limits GraphQL calls of one app on one shop."""

import time
from collections.abc import Callable


class LeakyBucket:
    """Points that are taken by requests and restored at a constant rate, up to a maximum."""

    def __init__(
        self, maximum: int, restore_rate: int, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.maximum = maximum
        self.restore_rate = restore_rate
        self._monotonic = monotonic
        self._available = float(maximum)
        self._restored_at = monotonic()

    @property
    def available(self) -> float:
        """The points that a request may take now."""
        now = self._monotonic()
        restored = (now - self._restored_at) * self.restore_rate
        self._available = min(float(self.maximum), self._available + restored)
        self._restored_at = now
        return self._available

    def resize(self, maximum: int, restore_rate: int) -> None:
        """Change the limits, as another plan does; what is there stays, as far as it fits."""
        self._available = min(self.available, float(maximum))
        self.maximum, self.restore_rate = maximum, restore_rate

    def take(self, points: float) -> bool:
        """Take the points if they are there."""
        if points > self.available:
            return False
        self._available -= points
        return True

    def refund(self, points: float) -> None:
        """Give back what a request did not use."""
        self._available = min(float(self.maximum), self.available + points)

    def drain(self, left: float = 0.0) -> None:
        """Leave only so many points, as if other calls had used the rest."""
        self._available = min(self.available, left)
