"""What follows a failed job."""

from datetime import timedelta
from typing import Final

LADDER: Final = (timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
_CONNECTION_ENDED: Final = "token_refused"


def retry_delay(failures: int, *, retryable: bool) -> timedelta | None:
    """Return how long to wait after so many failures in a row; None means give up and tell people.

    Being rate-limited is no failure and never comes here.
    """
    if failures < 1:
        raise ValueError("failures: must be at least 1")
    if not retryable or failures > len(LADDER):
        return None
    return LADDER[failures - 1]


def ends_connection(code: str) -> bool:
    """Say whether an error means that the store is disconnected: a cancelled job, no retry, no failure mail.

    Only what the fetcher has concluded, and told, itself. A shop that is not found is a failure like others: a 404
    may come from an edge server, and a job that was cancelled without an event would never be taken up again.
    """
    return code == _CONNECTION_ENDED
