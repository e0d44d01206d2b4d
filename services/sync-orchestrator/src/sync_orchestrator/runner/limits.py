"""How long the runner waits, and how often it tries."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Times in seconds. The defaults are those of production."""

    jobs_max: int = 8
    lease_seconds: float = 30
    heartbeat_seconds: float = 10
    claim_seconds: float = 0.5
    books_seconds: float = 1
    books_waiting_seconds: float = 0.3
    books_idle_seconds: float = 3600
    cuts_max: int = 8
    cut_pause_seconds: float = 0.5
    cut_pause_seconds_max: float = 10
    checks_max: int = 2
    check_lease_seconds: float = 180
    check_grace_seconds: float = 120
    check_look_seconds: float = 2
    repair_seconds_max: float = 60

    def pause_after(self, cuts: int) -> float:
        """Return how long to wait after so many cuts without progress."""
        return min(self.cut_pause_seconds * 2.0 ** (cuts - 1), self.cut_pause_seconds_max)
