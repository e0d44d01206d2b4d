"""Everything the Shopify page shows, as one value that can be compared with the next."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from oauth_gateway.domain.charts import FinishedSync
from oauth_gateway.domain.checks import NOTHING_PROVEN, Check, Gone, Mirror
from oauth_gateway.domain.deliveries import Freshness
from oauth_gateway.domain.jobs import Job, Status
from oauth_gateway.domain.scopes import not_synced_words
from oauth_gateway.domain.stores import Frequency
from oauth_gateway.domain.words import Viewer, sentence
from sync_common.contracts.resources import Resource

DISCONNECT_WORDS: Final = {
    "token_expired": "OAuth token expired",
    "app_uninstalled": "App uninstalled in Shopify",
    "user_requested": "Disconnected",
    "api_error": "Shopify stopped answering",
}


@dataclass(frozen=True, slots=True)
class RecordCounts:
    """Live rows of one store, or of all."""

    customers: int = 0
    orders: int = 0
    products: int = 0

    def of(self, resource: Resource) -> int:
        """Return the count of one resource."""
        return {
            Resource.CUSTOMERS: self.customers,
            Resource.ORDERS: self.orders,
            Resource.PRODUCTS: self.products,
        }[resource]

    def __add__(self, other: "RecordCounts") -> "RecordCounts":
        return RecordCounts(
            self.customers + other.customers, self.orders + other.orders, self.products + other.products
        )


@dataclass(frozen=True, slots=True)
class ApiHealth:
    """The free part of a shop's API budget."""

    bucket_size: int
    available: int
    blocked_until: datetime | None = None

    def words(self, now: datetime) -> str:
        """Return one word for the state of the budget."""
        if self.blocked_until is not None and self.blocked_until > now:
            return "Rate limited"
        share = self.available / self.bucket_size if self.bucket_size else 0
        return "Good" if share >= 0.4 else "Slowing down" if share >= 0.2 else "Busy"


class History(StrEnum):
    """How far a store is from showing its whole order history."""

    LIMITED = "limited"
    NOTED = "noted"
    TO_APPROVE = "to_approve"
    GRANTED = "granted"
    READING = "reading"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True)
class Store:
    """One store with everything its card says."""

    id: int
    shop_domain: str
    name: str
    frequency: Frequency
    connection: str
    products_frequency: Frequency | None = None
    disconnect_reason: str | None = None
    disconnected_at: datetime | None = None
    sync_status: str | None = None
    last_sync_at: datetime | None = None
    last_sync_status: str | None = None
    last_sync_error: str | None = None
    initial_sync_completed: bool = False
    next_run_at: datetime | None = None
    has_all_orders: bool = False
    orders_complete: bool = False
    history_requested_at: datetime | None = None
    unreadable: tuple[Resource, ...] = ()
    timezone: str | None = None
    counts: RecordCounts = RecordCounts()
    api: ApiHealth | None = None
    fresh: Freshness | None = None
    check: Check | None = None
    mirror: Mirror = NOTHING_PROVEN
    to_decide: tuple[Gone, ...] = ()
    job: Job | None = None
    backfill: Job | None = None
    last_job: Job | None = None
    last_ended_job_id: int | None = None
    history: tuple[FinishedSync, ...] = ()

    @property
    def handle(self) -> str:
        """Return the shop's name without Shopify's domain."""
        return self.shop_domain.removesuffix(".myshopify.com")

    @property
    def is_connected(self) -> bool:
        """Say whether the store has a working token."""
        return self.connection == "connected"

    @property
    def kind(self) -> str:
        """Return which card shows this store: `row` to reconnect, `sync` for the first sync, else `card`."""
        if not self.is_connected:
            return "row"
        return "sync" if self.job is not None and not self.initial_sync_completed else "card"

    @property
    def disconnect_words(self) -> str:
        """Say why the store is disconnected."""
        return DISCONNECT_WORDS.get(self.disconnect_reason or "", "Disconnected")

    def status_label(self, now: datetime) -> Status:
        """Return the status label of the card."""
        if not self.is_connected:
            return Status("bad", "Disconnected")
        if self.job is not None and not self.retry:
            throttled = self.job.is_throttled(now)
            return Status("busy", self.job.throttled_words(now) if throttled else "Syncing")
        if self.sync_status == "error" or self.retry:
            return Status("bad", "Error")
        return Status("idle", "Never synced yet") if self.last_sync_at is None else Status("ok", "Connected")

    @property
    def retry(self) -> Job | None:
        """Return the job that waits to retry the last one, which failed."""
        return self.job if self.job is not None and self.job.waits_for_retry else None

    @property
    def failure_words(self) -> str:
        """Say why the last sync failed."""
        return sentence(self.last_sync_error or "The last sync failed")

    @property
    def not_synced_words(self) -> str:
        """Say what the merchant lets us not read; empty when that is nothing."""
        return not_synced_words(self.unreadable) if self.unreadable else ""

    def first_sync_words(self, viewer: Viewer) -> str:
        """Say when a store that was never synced and does nothing now begins."""
        if self.sync_status is None:
            return "First sync starts in about 1 minute"  # the orchestrator has yet to hear of the connection
        if self.next_run_at is None or self.next_run_at <= viewer.now or self.frequency is Frequency.MANUAL:
            return "Press Sync Now to start"
        return f"First sync starts in {viewer.until(self.next_run_at)}"

    def order_history(self, *, may_ask: bool) -> History:
        """Return the state of the order history; `may_ask` says that the app may ask Shopify for older orders."""
        if self.orders_complete:
            return History.COMPLETE
        if self.backfill is not None:
            return History.READING
        if self.has_all_orders:
            return History.GRANTED
        if self.history_requested_at is None:
            return History.LIMITED
        return History.TO_APPROVE if may_ask else History.NOTED

    @property
    def active_jobs(self) -> tuple[Job, ...]:
        """Return the jobs that run or are about to: a sync, the reading of the order history, or both."""
        return tuple(job for job in (self.job, self.backfill) if job is not None)

    def can_retry(self, job: Job) -> bool:
        """Say whether a person may start this job anew: it failed, and nothing came after it."""
        return (
            self.is_connected
            and job.status == "failed"
            and job.id == self.last_ended_job_id
            and (self.job is None or self.job.waits_for_retry)
        )

    @property
    def needs_attention(self) -> bool:
        """Say whether the banner speaks of this store."""
        return not self.is_connected or self.sync_status == "error"

    @property
    def ended_by_choice(self) -> bool:
        """Say whether a person disconnected it: nothing to warn of."""
        return not self.is_connected and self.disconnect_reason == "user_requested"


@dataclass(frozen=True, slots=True)
class Day:
    """What the syncs of the past 24 hours did: records created per slice of time, oldest first."""

    created: tuple[RecordCounts, ...] = ()
    completed: int = 0
    failed: int = 0

    def created_of(self, resource: Resource) -> tuple[int, ...]:
        """Return the created records of one resource per slice."""
        return tuple(counts.of(resource) for counts in self.created)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole page at one moment, of one advertiser."""

    stores: tuple[Store, ...] = ()
    recent: tuple[Job, ...] = ()
    day: Day = field(default_factory=Day)

    @property
    def timezone(self) -> str | None:
        """Return the zone of the first store that has one."""
        return next((store.timezone for store in self.stores if store.timezone), None)

    @property
    def totals(self) -> RecordCounts:
        """Return the counts across all stores."""
        return sum((store.counts for store in self.stores), RecordCounts())

    @property
    def is_syncing(self) -> bool:
        """Say whether any store has a job that runs or is about to."""
        return any(store.job is not None and not store.retry for store in self.stores)

    def is_throttled(self, now: datetime) -> bool:
        """Say whether Shopify is limiting some job right now: then pages count the seconds."""
        return any(job.is_throttled(now) for store in self.stores for job in store.active_jobs)

    def begun_since(self, before: "Snapshot") -> tuple[Job, ...]:
        """Return the jobs that run now and did not before."""
        running = before.ids_of("running")
        jobs = (job for store in self.stores for job in store.active_jobs)
        return tuple(job for job in jobs if job.status == "running" and job.id not in running)

    def ended_since(self, before: "Snapshot") -> tuple[Job, ...]:
        """Return the jobs that were to run or ran before and have ended."""
        known = (*self.recent, *(store.last_job for store in self.stores if store.last_job is not None))
        ended = {job.id: job for job in known if not job.is_active}
        return tuple(ended[id_] for id_ in sorted(before.ids_of("pending", "running") & ended.keys()))

    def ids_of(self, *statuses: str) -> frozenset[int]:
        """Return the ids of the stores' active jobs with one of these statuses."""
        jobs = (job for store in self.stores for job in store.active_jobs)
        return frozenset(job.id for job in jobs if job.status in statuses)

    @property
    def attention(self) -> tuple[Store, ...]:
        """Return the stores that the navigation's badge counts."""
        return tuple(store for store in self.stores if store.needs_attention and not store.ended_by_choice)

    @property
    def with_limited_history(self) -> tuple[Store, ...]:
        """Return the connected stores that do not show their whole order history."""
        return tuple(store for store in self.stores if store.is_connected and not store.orders_complete)

    @property
    def layout(self) -> tuple[tuple[int, str], ...]:
        """Return which cards the page has; the whole section changes when this does."""
        return tuple((store.id, store.kind) for store in self.stores)

    def store(self, store_id: int) -> Store | None:
        """Return one store."""
        return next((store for store in self.stores if store.id == store_id), None)
