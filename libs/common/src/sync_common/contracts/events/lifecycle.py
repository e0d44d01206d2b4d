"""Facts about a store and its syncs, on `sync.lifecycle.v1`, in order per store."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from sync_common.contracts.events.base import Event
from sync_common.contracts.resources import Resource


class JobType(StrEnum):
    """What a sync job covers."""

    FULL_SYNC = "full_sync"
    INCREMENTAL_SYNC = "incremental_sync"
    CUSTOMERS_ONLY = "customers_only"
    ORDERS_ONLY = "orders_only"
    PRODUCTS_ONLY = "products_only"
    BACKFILL = "backfill"


class TriggeredBy(StrEnum):
    """Who asked for a sync."""

    USER = "user"
    SCHEDULE = "schedule"
    WEBHOOK = "webhook"
    SYSTEM = "system"


class DisconnectReason(StrEnum):
    """Why a store is no longer connected; the notifier words it for people."""

    TOKEN_EXPIRED = "token_expired"
    APP_UNINSTALLED = "app_uninstalled"
    USER_REQUESTED = "user_requested"
    API_ERROR = "api_error"


class LifecycleEvent(Event):
    """Any fact about one store."""

    TOPIC: ClassVar[str] = "sync.lifecycle.v1"

    store_id: int
    advertiser_id: int
    shop_domain: str

    def key(self) -> str:
        """Order all facts of a store."""
        return f"store/{self.store_id}"

    def subject(self) -> str:
        """Name the store."""
        return f"store/{self.store_id}"


class StoreConnected(LifecycleEvent):
    """A store has a working token and its webhooks are subscribed."""

    TYPE: ClassVar[str] = "sync.store.connected"

    installation_id: int
    generation: int = Field(description="Counts the connections of this store; rises at every change.")
    connected_at: datetime
    connected_by_user_id: int | None = None
    reconnected: bool = False
    timezone: str = "UTC"


class StoreDisconnected(LifecycleEvent):
    """A store can no longer be read; told once however many parts noticed."""

    TYPE: ClassVar[str] = "sync.store.disconnected"

    installation_id: int
    generation: int
    reason: DisconnectReason
    disconnected_at: datetime


class WebhooksRepaired(LifecycleEvent):
    """Missing webhook subscriptions were recreated; deliveries may have been lost since."""

    TYPE: ClassVar[str] = "sync.webhooks.repaired"

    installation_id: int
    topics: tuple[str, ...]


class ShopRedacted(LifecycleEvent):
    """Shopify demanded the erasure of a shop, and the record-writer has done its part."""

    TYPE: ClassVar[str] = "sync.shop.redacted"

    generation: int
    redacted_at: datetime


class JobEvent(LifecycleEvent):
    """Any fact about one sync job."""

    job_id: int
    job_type: JobType
    triggered_by: TriggeredBy
    triggered_by_user_id: int | None = None


class SyncStarted(JobEvent):
    """A job runs."""

    TYPE: ClassVar[str] = "sync.started"

    started_at: datetime
    is_first_sync: bool


class ResourceCounts(BaseModel):
    """What became of the records of one resource in one job: counts over distinct ids."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    failed: int = 0

    @property
    def processed(self) -> int:
        """Return the number of distinct records seen."""
        return self.created + self.updated + self.unchanged + self.skipped + self.failed


class SyncCompleted(JobEvent):
    """A job's books are closed: every record that Shopify had is accounted for."""

    TYPE: ClassVar[str] = "sync.completed"

    completed_at: datetime
    duration_seconds: int
    is_first_sync: bool = Field(description="True when this completion set the store's first-sync flag.")
    counts: dict[Resource, ResourceCounts]


class SyncFailed(JobEvent):
    """A job failed; `retry_at` says when it is tried again by itself."""

    TYPE: ClassVar[str] = "sync.failed"

    failed_at: datetime
    error_code: str
    error_message: str
    attempt: int
    retry_at: datetime | None


class SyncExhausted(JobEvent):
    """A job failed and its automatic retries are used up."""

    TYPE: ClassVar[str] = "sync.exhausted"

    failed_at: datetime
    error_code: str
    error_message: str
    attempts: int


class SyncCancelled(JobEvent):
    """A job was cancelled by a person, or because its store was disconnected."""

    TYPE: ClassVar[str] = "sync.cancelled"

    cancelled_at: datetime
    reason: Literal["user", "disconnected", "superseded"]
