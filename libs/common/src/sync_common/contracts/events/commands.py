"""Wishes: sync, cancel, backfill, check and refetch. The orchestrator decides what comes of them."""

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from sync_common.contracts.events.base import Event
from sync_common.contracts.events.lifecycle import JobType, TriggeredBy
from sync_common.contracts.resources import Resource


class StoreCommand(Event):
    """Any wish about one store, on `sync.requested.v1`."""

    TOPIC: ClassVar[str] = "sync.requested.v1"

    store_id: int
    advertiser_id: int
    requested_by_user_id: int | None = None

    def key(self) -> str:
        """Order all wishes about a store."""
        return f"store/{self.store_id}"

    def subject(self) -> str:
        """Name the store."""
        return f"store/{self.store_id}"


class SyncRequested(StoreCommand):
    """Sync a store now; while one is pending or running this asks for nothing new."""

    TYPE: ClassVar[str] = "sync.requested"

    job_type: JobType = JobType.FULL_SYNC
    triggered_by: TriggeredBy = TriggeredBy.USER
    retry_of_job_id: int | None = None


class SyncCancelRequested(StoreCommand):
    """Cancel a store's pending or running job."""

    TYPE: ClassVar[str] = "sync.cancel_requested"

    job_id: int


class BackfillRequested(StoreCommand):
    """Read a store's whole order history."""

    TYPE: ClassVar[str] = "sync.backfill_requested"


class CheckRequested(StoreCommand):
    """Compare a store's mirror with Shopify now; while one is pending or running this asks for nothing new."""

    TYPE: ClassVar[str] = "sync.check_requested"


class DeletionDecision(StrEnum):
    """What a person says about records that a check found deleted at Shopify."""

    DELETE = "delete"
    KEEP = "keep"
    UNDO = "undo"


class DeletionsDecided(StoreCommand):
    """Delete or keep what waits for a person, or bring back what was deleted: all that one check found."""

    TYPE: ClassVar[str] = "sync.deletions_decided"

    check_id: int
    resource: Resource
    decision: DeletionDecision


class RefetchRequested(Event):
    """Read these records again by id, because what was received is only a hint."""

    TOPIC: ClassVar[str] = "refetch.requested.v1"
    TYPE: ClassVar[str] = "refetch.requested"

    shop_domain: str
    resource: Resource
    record_ids: tuple[str, ...] = Field(min_length=1, max_length=250)
    reason: str = Field(description="One of: partial, tie, missing, manual.")

    def key(self) -> str:
        """Order all refetches of a shop."""
        return self.shop_domain

    def subject(self) -> str:
        """Name the shop."""
        return f"shop/{self.shop_domain}"
