"""Faults asked for through the admin API: what the next sends meet."""

from collections import deque
from enum import StrEnum

from pydantic import BaseModel, Field


class FaultKind(StrEnum):
    """What goes wrong."""

    ERROR_AFTER_ACCEPTING = "error_after_accepting"  # the mail goes out, the answer is 500
    SILENT_AFTER_ACCEPTING = "silent_after_accepting"  # the mail goes out, no answer comes
    SERVER_ERROR = "server_error"  # 500, nothing accepted
    RATE_LIMITED = "rate_limited"  # 429
    REFUSE = "refuse"  # 400, as for an unpublished e-mail


class Fault(BaseModel):
    """One kind of fault, for the next `times` sends."""

    kind: FaultKind
    times: int = Field(default=1, ge=1, le=10_000)


class Faults:
    """A queue of faults; each send takes one."""

    def __init__(self) -> None:
        self._queue: deque[FaultKind] = deque()

    def add(self, fault: Fault) -> None:
        """Put a fault at the end of the queue."""
        self._queue.extend([fault.kind] * fault.times)

    def take(self) -> FaultKind | None:
        """Return what this send meets."""
        return self._queue.popleft() if self._queue else None

    def clear(self) -> None:
        """Make everything go well again."""
        self._queue.clear()

    def waiting(self) -> list[FaultKind]:
        """Return the faults not yet met, in order."""
        return list(self._queue)
