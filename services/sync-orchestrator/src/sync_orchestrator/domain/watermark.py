"""How far a store and resource is synced."""

from datetime import datetime, timedelta
from typing import Final

MARGIN: Final = timedelta(minutes=10)


def basis(database_time: datetime, shopify_time: datetime | None) -> datetime:
    """Return the start of a read that neither clock can have after it really began."""
    return database_time if shopify_time is None else min(database_time, shopify_time)


def reached(basis_at: datetime) -> datetime:
    """Return how far a read that began then has come; the store keeps the later one of this and what it has."""
    return basis_at - MARGIN
