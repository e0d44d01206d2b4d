"""How far a store and resource is synced."""

from datetime import datetime, timedelta
from typing import Final

MARGIN: Final = timedelta(minutes=10)


def basis(database_time: datetime, shopify_time: datetime | None) -> datetime:
    """Return the start of a read that neither clock can have after it really began."""
    return database_time if shopify_time is None else min(database_time, shopify_time)


def advanced(old: datetime | None, started_at: datetime) -> datetime:
    """Return the watermark after a job that covered the whole window: never back, never past its start."""
    reached = started_at - MARGIN
    return reached if old is None else max(old, reached)
