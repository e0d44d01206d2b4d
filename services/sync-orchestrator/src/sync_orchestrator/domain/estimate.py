"""How long a job will take."""

from math import ceil
from typing import Final

RECORDS_PER_MINUTE_UNKNOWN: Final = 1_000


def duration_seconds(records: int, per_minute: float | None = None) -> int:
    """Return the seconds a job over so many records takes, at the store's last speed where it is known."""
    return ceil(records * 60 / (per_minute or RECORDS_PER_MINUTE_UNKNOWN))
