"""What the rules speak about: stores, jobs and their parts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sync_common.contracts.events.lifecycle import JobType, TriggeredBy
from sync_common.contracts.resources import Resource
from sync_orchestrator.domain.jobs import JobSlot, JobStatus, PartState, SkipReason, slot_of
from sync_orchestrator.domain.planning import ReadMode


class OfStore(Protocol):
    """Whatever belongs to one store."""

    @property
    def advertiser_id(self) -> int:
        """Return the tenant."""

    @property
    def store_id(self) -> int:
        """Return the store."""


@dataclass(frozen=True, slots=True)
class Job:
    """A sync job as a replica holds it; `epoch` is what its writes are guarded by."""

    job_id: int
    advertiser_id: int
    store_id: int
    installation_id: int
    shop_domain: str
    job_type: JobType
    status: JobStatus
    triggered_by: TriggeredBy
    triggered_by_user_id: int | None
    skips_products: bool
    is_first_sync: bool
    follow_up: bool
    attempt: int
    epoch: int
    due_at: datetime
    started_at: datetime | None
    records_per_minute: float | None

    @property
    def slot(self) -> JobSlot:
        """Return the slot that this job takes at its store."""
        return slot_of(self.job_type)


@dataclass(frozen=True, slots=True)
class Part:
    """One resource of a job, as far as it has come."""

    resource: Resource
    state: PartState
    mode: ReadMode
    updated_since: datetime | None
    created_since: datetime | None
    created_until: datetime | None
    cursor: str | None
    total: int | None
    published: int
    read_count: int | None
    basis_at: datetime | None
    observed_at: datetime | None
    skip_reason: SkipReason | None = None

    @property
    def exact_counts(self) -> bool:
        """Say whether the read tells how many records the books must hold."""
        return self.mode is ReadMode.BULK


@dataclass(frozen=True, slots=True)
class StoreState:
    """What the orchestrator knows of a store."""

    advertiser_id: int
    store_id: int
    installation_id: int
    shop_domain: str
    generation: int
    status: str
    initial_sync_completed: bool
    last_full_sync_at: datetime | None
    orders_complete: bool
    timezone: str

    @property
    def can_sync(self) -> bool:
        """Say whether there is a token to read with."""
        return self.status != "disconnected"


@dataclass(frozen=True, slots=True)
class JobWish:
    """A job that somebody wants for a store."""

    job_type: JobType
    triggered_by: TriggeredBy
    triggered_by_user_id: int | None = None
    schedule_slot: str | None = None
    skips_products: bool = False
    attempt: int = 0
    retry_of_job_id: int | None = None


Watermarks = Mapping[Resource, datetime]
