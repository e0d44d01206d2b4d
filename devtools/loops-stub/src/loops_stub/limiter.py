"""Loops' limit: so many requests in any second, per team."""

from collections import deque
from collections.abc import Callable


class RateLimiter:
    """A sliding window of one second."""

    def __init__(self, limit: int, monotonic: Callable[[], float]) -> None:
        self.limit = limit
        self._monotonic = monotonic
        self._taken: deque[float] = deque()

    def take(self) -> bool:
        """Count one request; say whether it is within the limit."""
        now = self._monotonic()
        while self._taken and self._taken[0] <= now - 1:
            self._taken.popleft()
        if len(self._taken) >= self.limit:
            return False
        self._taken.append(now)
        return True

    @property
    def remaining(self) -> int:
        """Return how many more requests this second has room for."""
        return self.limit - len(self._taken)
