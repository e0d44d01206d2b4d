"""Comparisons of a store's mirror with Shopify: what they are about, and what they find."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sync_common.contracts.resources import Resource

GRACE: Final = timedelta(minutes=2)  # webhooks and Shopify's search index lag; what is younger is left out
WINDOW_MARGIN: Final = timedelta(hours=1)  # orders about to leave the 60-day window are left out too
DELETIONS_AT_ONCE_MAX: Final = 50
DELETED_SHARE_MAX: Final = 0.01
DELETIONS_NEVER_WAIT: Final = 5  # one per cent of a small store is less than a record
REPAIRS_MAX: Final = 5_000  # a mirror that lacks more is read in full


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
    """What became of a record that was found deleted at Shopify."""

    WAITING = "waiting"
    DELETED = "deleted"
    KEPT = "kept"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class Check:
    """A check as a replica holds it; `epoch` is what its writes are guarded by."""

    check_id: int
    advertiser_id: int
    store_id: int
    job_id: int | None
    attempt: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Scope:
    """The records of one resource that are compared: created within these bounds."""

    resource: Resource
    created_since: datetime | None
    created_until: datetime


@dataclass(frozen=True, slots=True)
class Proof:
    """How one resource compared with Shopify: `missing` and `surplus` as they were found, the counts as they ended."""

    shopify_count: int
    our_count: int
    missing: int = 0
    surplus: int = 0
    repaired: int = 0
    lost_changes: int | None = None


def must_wait(deletions: int, rows: int) -> bool:
    """Say whether so many deletions among a store's rows are for a person to decide."""
    if deletions <= DELETIONS_NEVER_WAIT:
        return False
    return deletions > DELETIONS_AT_ONCE_MAX or deletions > rows * DELETED_SHARE_MAX
