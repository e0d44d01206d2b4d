"""Comparisons of a store's mirror with Shopify: what they are about, and what they find."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sync_common.contracts.events import DeletionDecision
from sync_common.contracts.resources import Resource
from sync_orchestrator.domain.planning import ORDER_WINDOW

WINDOW_MARGIN: Final = timedelta(hours=2)  # orders about to leave the 60-day window are left out too
DELETIONS_AT_ONCE_MAX: Final = 50
DELETED_SHARE_MAX: Final = 0.01
DELETIONS_NEVER_WAIT: Final = 5  # one per cent of a small store is less than a record
REPAIRS_MAX: Final = 5_000  # a mirror that lacks more is read in full
PASSES_MAX: Final = 3  # while a shop is busy, another look may find more


class CheckReason(StrEnum):
    """Why a check is made."""

    FULL_SYNC = "full_sync"
    BACKFILL = "backfill"
    USER = "user"


class CheckState(StrEnum):
    """Where a check is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class DeletionState(StrEnum):
    """What became of a record that was found deleted at Shopify.

    `deleting` and `restoring` are decided, and carried out within seconds; people are shown the end.
    """

    WAITING = "waiting"
    DELETING = "deleting"
    DELETED = "deleted"
    KEPT = "kept"
    RESTORING = "restoring"
    UNDONE = "undone"


AFTER_DECISION: Final[Mapping[DeletionDecision, tuple[frozenset[DeletionState], DeletionState]]] = {
    DeletionDecision.DELETE: (frozenset({DeletionState.WAITING}), DeletionState.DELETING),
    DeletionDecision.KEEP: (frozenset({DeletionState.WAITING}), DeletionState.KEPT),
    DeletionDecision.UNDO: (
        frozenset({DeletionState.DELETING, DeletionState.DELETED}),
        DeletionState.RESTORING,
    ),
}
"""From which states a person's decision leads where."""


@dataclass(frozen=True, slots=True)
class DeletionBatch:
    """Deletions of one store and resource that are to be carried out, or undone."""

    advertiser_id: int
    store_id: int
    installation_id: int
    shop_domain: str
    resource: Resource
    state: DeletionState
    record_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """A check as a replica holds it; `epoch` is what its writes are guarded by."""

    check_id: int
    advertiser_id: int
    store_id: int
    installation_id: int
    shop_domain: str
    orders_complete: bool
    job_id: int | None
    attempt: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Scope:
    """The records of one resource that are compared: created within these bounds."""

    resource: Resource
    created_since: datetime | None
    created_until: datetime

    def covers(self, created_at: datetime | None) -> bool:
        """Say whether a record belongs here; one without a time of creation is old."""
        if created_at is None:
            return self.created_since is None
        return created_at <= self.created_until and (
            self.created_since is None or created_at >= self.created_since
        )


@dataclass(frozen=True, slots=True)
class Proof:
    """How one resource compared with Shopify: `missing` and `surplus` as they were found, the counts as they ended."""

    shopify_count: int
    our_count: int
    missing: int = 0
    surplus: int = 0
    repaired: int = 0
    lost_changes: int | None = None


def scope_of(resource: Resource, now: datetime, *, grace: timedelta, sees_all_orders: bool) -> Scope:
    """Return what is compared: all but the very young, and of orders what both sides see for sure."""
    windowed = resource is Resource.ORDERS and not sees_all_orders
    return Scope(resource, now - ORDER_WINDOW + WINDOW_MARGIN if windowed else None, now - grace)


def must_wait(deletions: int, rows: int) -> bool:
    """Say whether so many deletions among a store's rows are for a person to decide."""
    if deletions <= DELETIONS_NEVER_WAIT:
        return False
    return deletions > DELETIONS_AT_ONCE_MAX or deletions > rows * DELETED_SHARE_MAX
