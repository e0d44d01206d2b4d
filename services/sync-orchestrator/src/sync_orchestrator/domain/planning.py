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


def orders_since(job_type: JobType, started_at: datetime, *, has_all_orders: bool) -> datetime | None:
    """Return the start of the order window, fixed at the start of the job; None reads the whole history."""
    if has_all_orders or job_type is JobType.BACKFILL:
        return None
    return started_at - ORDER_WINDOW


def plan_parts(
    job_type: JobType, *, watermarks: Mapping[Resource, datetime], order_window: datetime | None
) -> tuple[PartPlan, ...]:
    """Decide how each resource is read: by pages from its watermark, or in bulk where all of it is wanted."""
    in_full = job_type in (JobType.FULL_SYNC, JobType.BACKFILL)
    resources = covered(job_type)
    return tuple(
        _plan_part(resource, None if in_full else watermarks.get(resource), order_window)
        for resource in Resource
        if resource in resources
    )


def _plan_part(resource: Resource, watermark: datetime | None, order_window: datetime | None) -> PartPlan:
    return PartPlan(
        resource=resource,
        mode=ReadMode.BULK if watermark is None else ReadMode.PAGED,
        updated_since=watermark,
        created_since=order_window if resource is Resource.ORDERS else None,
    )


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


def nothing_readable(resources: Collection[Resource]) -> str:
    """Say to a merchant what the app may not read."""
    return f"The app may not read {_listed(resources)} of this store. Reconnect the store to allow it."


def _listed(resources: Collection[Resource]) -> str:
    *first, last = (str(resource) for resource in Resource if resource in resources)
    if not first:
        return last
    return f"{', '.join(first)}{',' if len(first) > 1 else ''} or {last}"


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
