"""Webhooks as they reached a store, and how fresh they keep it."""

from dataclasses import dataclass
from datetime import datetime

from oauth_gateway.domain.jobs import Status


@dataclass(frozen=True, slots=True)
class Freshness:
    """How long a store's last deliveries took from Shopify's change to our row."""

    p50_seconds: float
    p95_seconds: float
    deliveries: int
    last_received_at: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook and what became of it."""

    topic: str
    triggered_at: datetime | None
    received_at: datetime
    applied_at: datetime
    outcome: str

    @property
    def seconds(self) -> float:
        """Return how long it took, from when Shopify says that it fired, else from its receipt."""
        return max(0.0, (self.applied_at - (self.triggered_at or self.received_at)).total_seconds())

    @property
    def status_label(self) -> Status:
        """Return what became of it."""
        return Status("ok" if self.outcome in ("created", "updated") else "idle", self.outcome.capitalize())
