"""Sync jobs as the pages show them: states, results and progress."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil
from typing import Final, NamedTuple

from oauth_gateway.domain.words import Viewer, plural
from sync_common.contracts.events.lifecycle import JobType, TriggeredBy
from sync_common.contracts.resources import Resource

SKIP_WORDS: Final = {
    "scope_missing": "The app may not read them",
    "not_due": "Not due: they have a schedule of their own",
}


class Status(NamedTuple):
    """A shape and colour (`ok`, `busy`, `warn`, `bad`, `idle`) and always a word."""

    state: str
    words: str


JOB_WORDS: Final = {
    JobType.FULL_SYNC: "Full sync",
    JobType.INCREMENTAL_SYNC: "Incremental",
    JobType.CUSTOMERS_ONLY: "Customers only",
    JobType.ORDERS_ONLY: "Orders only",
    JobType.PRODUCTS_ONLY: "Products only",
    JobType.BACKFILL: "Order history",
}

SYNC_CHOICES: Final = {
    JobType.FULL_SYNC: "Full sync",
    JobType.CUSTOMERS_ONLY: "Sync only customers",
    JobType.ORDERS_ONLY: "Sync only orders",
    JobType.PRODUCTS_ONLY: "Sync only products",
}
_FULL_READS: Final = (JobType.FULL_SYNC, JobType.BACKFILL)


@dataclass(frozen=True, slots=True)
class Part:
    """One resource of a job: how many records Shopify has, and how many are written."""

    resource: Resource
    state: str
    total: int | None = None
    done: int = 0
    read_count: int | None = None
    object_count: int | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    skip_reason: str | None = None

    @property
    def is_skipped(self) -> bool:
        """Say whether this resource is not read in this job."""
        return self.state == "skipped"

    @property
    def skip_words(self) -> str:
        """Say why this resource is not read."""
        return SKIP_WORDS.get(self.skip_reason or "", "Not read in this sync")

    @property
    def label(self) -> str:
        """Return the resource's name as a heading."""
        return self.resource.capitalize()

    @property
    def step(self) -> str:
        """Return `ok` when done, `on` while running, `bad` when failed, else nothing."""
        return {"done": "ok", "running": "on", "published": "on", "failed": "bad"}.get(self.state, "")

    @property
    def shown_total(self) -> int:
        """Return the length of the bar: never shorter than what is done, never zero."""
        return max(self.total or 0, self.done, 1)

    @property
    def shown_done(self) -> int:
        """Return the filled length: a finished resource fills its bar even when it is empty."""
        return self.shown_total if self.state == "done" else self.done

    @property
    def percent(self) -> int:
        """Return the share done; 100 only when the part is."""
        share = 100 * self.shown_done // self.shown_total
        return share if self.state == "done" else min(share, 99)

    def progress_words(self, percent: int) -> str:
        """Return the small word at the right of the step."""
        if self.state in ("running", "published"):
            return f"{percent}%" if self.total is not None else "Counting"
        return {"done": "Done", "failed": "Failed", "skipped": "Skipped"}.get(self.state, "Waiting")


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of the records of one resource."""

    resource: Resource
    processed: int
    created: int
    updated: int
    unchanged: int
    skipped: int
    failed: int


@dataclass(frozen=True, slots=True)
class Books:
    """What Shopify exported to a job: records, the lines of its files, and records of which nothing became."""

    records: int
    lines: int
    missing: int

    def words(self, viewer: Viewer) -> str:
        """Say whether the books are closed."""
        exported = f"Shopify exported {viewer.number(self.records)} {plural(self.records, 'record')}"
        if self.lines:
            exported = f"{exported} ({viewer.number(self.lines)} {plural(self.lines, 'line')})"
        if not self.missing:
            return f"{exported}; all are accounted for."
        return f"{exported}; {viewer.number(self.missing)} {'is' if self.missing == 1 else 'are'} not accounted for."


@dataclass(frozen=True, slots=True)
class FailedRecord:
    """A record that a job could not write, without anything personal."""

    resource: Resource
    record_id: str
    field: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Job:
    """One sync job."""

    id: int
    store_id: int
    shop_domain: str
    job_type: JobType
    status: str
    triggered_by: TriggeredBy
    created_at: datetime
    triggered_by_name: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    due_at: datetime | None = None
    attempt: int = 0
    duration_seconds: int | None = None
    estimated_seconds: int | None = None
    error_message: str | None = None
    throttled_until: datetime | None = None
    is_first_sync: bool = False
    parts: tuple[Part, ...] = ()
    outcomes: tuple[Outcomes, ...] = field(default=())

    @property
    def is_backfill(self) -> bool:
        """Say whether the job reads the order history, beside the store's ordinary syncs."""
        return self.job_type is JobType.BACKFILL

    @property
    def is_active(self) -> bool:
        """Say whether the job is pending or running."""
        return self.status in ("pending", "running")

    @property
    def waits_for_retry(self) -> bool:
        """Say whether the job is the retry of one that failed, and not begun yet."""
        return self.status == "pending" and self.attempt > 0

    @property
    def read_parts(self) -> tuple[Part, ...]:
        """Return the resources that this job reads."""
        return tuple(part for part in self.parts if not part.is_skipped)

    @property
    def skipped_parts(self) -> tuple[Part, ...]:
        """Return the resources that this job does not read."""
        return tuple(part for part in self.parts if part.is_skipped)

    @property
    def failure_words(self) -> str:
        """Say why the job failed: `API rate limit exceeded after 3 retries`."""
        reason = (self.error_message or "The sync failed").rstrip(". ")
        return (
            f"{reason} after {self.attempt} {'retry' if self.attempt == 1 else 'retries'}"
            if self.attempt
            else reason
        )

    @property
    def failed_records(self) -> int:
        """Return how many records could not be written."""
        return sum(outcome.failed for outcome in self.outcomes)

    @property
    def skipped(self) -> int:
        """Return how many records a tombstone or redaction kept away."""
        return sum(outcome.skipped for outcome in self.outcomes)

    @property
    def processed(self) -> int:
        """Return how many distinct records the finished job saw."""
        return sum(outcome.processed for outcome in self.outcomes)

    @property
    def done(self) -> int:
        """Return how many records are written so far."""
        return sum(part.done for part in self.parts)

    @property
    def total(self) -> int | None:
        """Return how many records are expected, None while that is unknown."""
        known = [part.shown_total for part in self.parts if part.total is not None]
        return sum(known) if known else None

    @property
    def total_is_estimate(self) -> bool:
        """Say whether some resource is not counted yet."""
        return any(part.total is None for part in self.read_parts)

    @property
    def percent(self) -> int:
        """Return the share done; 100 is kept for the completed job."""
        total = self.total
        return min(99, 100 * self.done // max(total, 1)) if total else 0

    @property
    def started_or_created_at(self) -> datetime:
        """Return the time that the history shows."""
        return self.started_at or self.created_at

    @property
    def words(self) -> str:
        """Return the job type in words."""
        return JOB_WORDS[self.job_type]

    @property
    def trigger_words(self) -> str:
        """Return who or what asked for the job."""
        return self.triggered_by_name or self.triggered_by.value

    def is_throttled(self, now: datetime) -> bool:
        """Say whether Shopify is limiting this job right now."""
        return self.throttled_until is not None and self.throttled_until > now

    def throttled_words(self, now: datetime) -> str:
        """Say when Shopify lets it go on; being slowed down is no failure."""
        seconds = (self.throttled_until - now).total_seconds() if self.throttled_until else 0
        return f"Rate limited, resuming in {max(1, ceil(seconds))} s"

    @property
    def books(self) -> Books | None:
        """Return what Shopify exported to a finished full read, against what became of it."""
        parts = [part for part in self.read_parts if part.read_count is not None]
        if self.status != "completed" or self.job_type not in _FULL_READS or not parts:
            return None
        processed = {outcome.resource: outcome.processed for outcome in self.outcomes}
        # page by page a record may come twice; only files are counted exactly
        missing = (
            (part.read_count or 0) - processed.get(part.resource, 0)
            for part in parts
            if part.object_count is not None
        )
        return Books(
            records=sum(part.read_count or 0 for part in parts),
            lines=sum(part.object_count or 0 for part in parts),
            missing=sum(max(0, amount) for amount in missing),
        )

    def status_label(self) -> Status:
        """Return the status label of the history."""
        if self.status == "completed":
            return Status("warn", "With errors") if self.failed_records else Status("ok", "Success")
        return {
            "pending": Status("idle", "Pending"),
            "running": Status("busy", "Running"),
            "failed": Status("bad", "Failed"),
        }.get(self.status, Status("idle", "Cancelled"))

    def long_status(self, viewer: Viewer) -> Status:
        """Return the status label of the details: `Completed with 3 errors`."""
        if self.status == "running" and self.is_throttled(viewer.now):
            return Status("busy", self.throttled_words(viewer.now))
        label = self.status_label()
        if label.state == "warn":
            errors = f"{viewer.number(self.failed_records)} {plural(self.failed_records, 'error')}"
            return Status("warn", f"Completed with {errors}")
        return label


def outcomes_from(counts: Mapping[str, Mapping[str, int]]) -> tuple[Outcomes, ...]:
    """Build the breakdown from the five counters of a job, each a map by resource."""
    return tuple(
        Outcomes(
            resource=resource,
            **{name: int(by_resource.get(resource, 0)) for name, by_resource in counts.items()},
        )
        for resource in Resource
        if any(resource in by_resource for by_resource in counts.values())
    )
