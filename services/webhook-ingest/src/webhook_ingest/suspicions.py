"""A line in the log for what was refused: one a second for each outcome, for a flood must not fill the disk."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Final

import structlog

_SECONDS: Final = 1.0

log = structlog.get_logger()


class Suspicions:
    """Logs what was refused. How often is a metric; the log says how many lines it was spared."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._due: dict[str, float] = {}
        self._unsaid: Counter[str] = Counter()

    def note(self, outcome: str, status: int, topic: str) -> None:
        """Log one refusal, or count it for the next line. Nothing that a caller made up is logged."""
        now = self._monotonic()
        if now < self._due.get(outcome, now):
            self._unsaid[outcome] += 1
            return
        self._due[outcome] = now + _SECONDS
        log.warning(
            "refused",
            outcome=outcome,
            status=status,
            webhook_topic=topic,
            unsaid=self._unsaid.pop(outcome, 0),
        )
