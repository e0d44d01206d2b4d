"""Which resources a job reads, and how."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sync_common.contracts.events.lifecycle import JobType, TriggeredBy
from sync_common.contracts.resources import Resource
from sync_orchestrator.domain.jobs import SkipReason, covered

ORDER_WINDOW: Final = timedelta(days=60)  # shopify.dev, Access scopes: read_orders sees the last 60 days
HISTORY_OVERLAP: Final = timedelta(days=1)  # of a backfill with the window that syncs read
FULL_SYNC_EVERY: Final = timedelta(days=7)


class ReadMode(StrEnum):
    """How the fetcher reads a resource."""

    BULK = "bulk"
    PAGED = "paged"


class Lane(StrEnum):
    """Which share of the API budget a read draws on."""

    INTERACTIVE = "interactive"
    INCREMENTAL = "incremental"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class PartPlan:
    """How one resource of a job is read."""

    resource: Resource
    mode: ReadMode
    updated_since: datetime | None = None
    created_since: datetime | None = None
    created_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class OrderWindow:
    """Which orders a job reads, by their creation; None is open."""

    since: datetime | None = None
    until: datetime | None = None


def order_window(job_type: JobType, started_at: datetime, *, is_complete: bool) -> OrderWindow:
    """Return which orders a job reads, fixed at its start.

    Syncs read the last 60 days, whatever the app may read: so a first sync is soon over. A backfill reads what is
    older; once it has, syncs know no window any more.
    """
    if job_type is JobType.BACKFILL:
        return OrderWindow(until=started_at - ORDER_WINDOW + HISTORY_OVERLAP)
    return OrderWindow() if is_complete else OrderWindow(since=started_at - ORDER_WINDOW)


def plan_parts(
    job_type: JobType, *, watermarks: Mapping[Resource, datetime], window: OrderWindow
) -> tuple[PartPlan, ...]:
    """Decide how each resource is read: by pages from its watermark, or in bulk where all of it is wanted."""
    in_full = job_type in (JobType.FULL_SYNC, JobType.BACKFILL)
    resources = covered(job_type)
    return tuple(
        _plan_part(resource, None if in_full else watermarks.get(resource), window)
        for resource in Resource
        if resource in resources
    )


def _plan_part(resource: Resource, watermark: datetime | None, window: OrderWindow) -> PartPlan:
    mode = ReadMode.BULK if watermark is None else ReadMode.PAGED
    if resource is not Resource.ORDERS:
        return PartPlan(resource, mode, watermark)
    return PartPlan(resource, mode, watermark, window.since, window.until)


def unreadable(scopes: Collection[str]) -> frozenset[Resource]:
    """Return the resources that the merchant lets the app not read; a write scope implies its read."""
    return frozenset(
        resource for resource in Resource if not {f"read_{resource}", f"write_{resource}"} & set(scopes)
    )


def skips(
    job_type: JobType, *, skips_products: bool, unreadable: frozenset[Resource]
) -> Mapping[Resource, SkipReason]:
    """Return which resources of a job are not read, and why; a missing permission says more than a schedule."""
    not_due = frozenset({Resource.PRODUCTS}) if skips_products else frozenset[Resource]()
    return {
        resource: SkipReason.SCOPE_MISSING if resource in unreadable else SkipReason.NOT_DUE
        for resource in covered(job_type)
        if resource in unreadable | not_due
    }


def nothing_readable(job_type: JobType, resources: Collection[Resource]) -> str:
    """Say to a merchant what the app may not read."""
    if job_type is JobType.BACKFILL:
        return "The app may not read orders older than 60 days. Request historical access to allow it."
    return f"The app may not read {_listed(resources)} of this store. Reconnect the store to allow it."


def _listed(resources: Collection[Resource]) -> str:
    *first, last = (str(resource) for resource in Resource if resource in resources)
    if not first:
        return last
    return f"{', '.join(first)}{',' if len(first) > 1 else ''} or {last}"


def widened(waiting: JobType, wanted: JobType) -> JobType:
    """Return what a job that waits becomes when another sync is wanted: one that does for both."""
    if JobType.FULL_SYNC in (waiting, wanted):
        return JobType.FULL_SYNC
    return waiting if covered(waiting) >= covered(wanted) else JobType.INCREMENTAL_SYNC


def effective_type(job_type: JobType, *, initial_sync_completed: bool) -> JobType:
    """Return what a wish for a sync becomes: before the first full sync there is nothing to add to."""
    if job_type is JobType.INCREMENTAL_SYNC and not initial_sync_completed:
        return JobType.FULL_SYNC
    return job_type


def lane_of(mode: ReadMode, triggered_by: TriggeredBy) -> Lane:
    """Return the share of the budget: people who wait come first, bulk reads last."""
    if mode is ReadMode.BULK:
        return Lane.FULL
    return Lane.INTERACTIVE if triggered_by is TriggeredBy.USER else Lane.INCREMENTAL
