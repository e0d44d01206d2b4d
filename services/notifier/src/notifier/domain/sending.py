"""What an answer of Loops means for a mail, and when the next try is due."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

# Loops remembers an idempotency key for 24 h; a try after that could send a second mail.
RETRY_WINDOW: Final = timedelta(hours=23)
_FIRST_BACKOFF_SECONDS: Final = 5
_BACKOFF_SECONDS_MAX: Final = 3_600
_LIMITED_SECONDS: Final = 2


class Answer(StrEnum):
    """What came of one call."""

    ACCEPTED = "accepted"
    LIMITED = "limited"
    UNCERTAIN = "uncertain"
    REFUSED = "refused"


class State(StrEnum):
    """Where a mail stands. `unknown` is an end: it may have been sent, and is not sent again."""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"


TRANSITIONS: Final[dict[State, frozenset[State]]] = {
    State.PENDING: frozenset(State),
    State.SENT: frozenset(),
    State.FAILED: frozenset(),
    State.UNKNOWN: frozenset(),
}
"""What may follow what; the statement that settles a mail changes pending ones only."""


@dataclass(frozen=True, slots=True)
class Next:
    """What becomes of a mail after a call; only a pending one has a delay."""

    state: State
    delay_seconds: float = 0
    counts_as_attempt: bool = True
    failure: str | None = None


def answer_of(status: int) -> Answer:
    """Read Loops' status: 409 says that our own earlier call under this key was accepted."""
    if 200 <= status < 300 or status == 409:
        return Answer.ACCEPTED
    if status == 429:
        return Answer.LIMITED
    if 400 <= status < 500:
        return Answer.REFUSED
    return Answer.UNCERTAIN


def is_beyond_window(first_attempted_at: datetime, now: datetime) -> bool:
    """Say whether Loops may have forgotten that it was asked already."""
    return now - first_attempted_at >= RETRY_WINDOW


def after(answer: Answer, status: int | None, attempts: int) -> Next:
    """Decide what follows a call; `attempts` counts the failures before it."""
    if answer is Answer.ACCEPTED:
        return Next(State.SENT)
    code = f"loops_{status or 'unreachable'}"
    if answer is Answer.REFUSED:
        return Next(State.FAILED, failure=code)
    if answer is Answer.LIMITED:  # a deferral, not a failure
        return Next(State.PENDING, _LIMITED_SECONDS, counts_as_attempt=False, failure=code)
    delay = min(_FIRST_BACKOFF_SECONDS * 2 ** min(attempts, 20), _BACKOFF_SECONDS_MAX)
    return Next(State.PENDING, delay, failure=code)
