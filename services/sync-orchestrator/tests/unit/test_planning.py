"""What a job reads, and how."""

from datetime import UTC, datetime, timedelta

import pytest

from sync_common.contracts.events.lifecycle import JobType, TriggeredBy
from sync_common.contracts.resources import Resource
from sync_orchestrator.domain import planning
from sync_orchestrator.domain.jobs import SkipReason
from sync_orchestrator.domain.planning import Lane, OrderWindow, ReadMode

NOW = datetime(2026, 11, 22, tzinfo=UTC)
WATERMARKS = {resource: NOW - timedelta(hours=1) for resource in Resource}


def test_full_sync_reads_everything_in_bulk_and_orders_of_sixty_days() -> None:
    window = planning.order_window(JobType.FULL_SYNC, NOW, is_complete=False)

    parts = planning.plan_parts(JobType.FULL_SYNC, watermarks=WATERMARKS, window=window)

    assert {part.resource for part in parts} == set(Resource)
    assert {part.mode for part in parts} == {ReadMode.BULK}
    assert {part.resource: part.created_since for part in parts if part.created_since} == {
        Resource.ORDERS: NOW - timedelta(days=60)
    }


def test_incremental_sync_reads_pages_from_the_watermark() -> None:
    parts = planning.plan_parts(JobType.INCREMENTAL_SYNC, watermarks=WATERMARKS, window=OrderWindow())

    assert {part.resource: part.updated_since for part in parts} == WATERMARKS
    assert {part.mode for part in parts} == {ReadMode.PAGED}


def test_resource_without_a_watermark_is_read_in_full() -> None:
    watermarks = {Resource.CUSTOMERS: NOW}

    parts = planning.plan_parts(JobType.INCREMENTAL_SYNC, watermarks=watermarks, window=OrderWindow())

    assert {part.resource for part in parts if part.mode is ReadMode.BULK} == {
        Resource.ORDERS,
        Resource.PRODUCTS,
    }


def test_backfill_reads_what_is_older_than_the_window_of_syncs_and_overlaps_it() -> None:
    window = planning.order_window(JobType.BACKFILL, NOW, is_complete=False)

    (part,) = planning.plan_parts(JobType.BACKFILL, watermarks=WATERMARKS, window=window)

    assert (part.resource, part.mode, part.created_since) == (Resource.ORDERS, ReadMode.BULK, None)
    assert part.created_until == NOW - timedelta(days=59)


def test_window_is_lifted_once_the_history_is_complete() -> None:
    assert planning.order_window(JobType.FULL_SYNC, NOW, is_complete=True) == OrderWindow()


@pytest.mark.parametrize(
    ("waiting", "wanted", "becomes"),
    [
        (JobType.PRODUCTS_ONLY, JobType.INCREMENTAL_SYNC, JobType.INCREMENTAL_SYNC),
        (JobType.PRODUCTS_ONLY, JobType.ORDERS_ONLY, JobType.INCREMENTAL_SYNC),
        (JobType.ORDERS_ONLY, JobType.ORDERS_ONLY, JobType.ORDERS_ONLY),
        (JobType.INCREMENTAL_SYNC, JobType.CUSTOMERS_ONLY, JobType.INCREMENTAL_SYNC),
        (JobType.FULL_SYNC, JobType.CUSTOMERS_ONLY, JobType.FULL_SYNC),
        (JobType.CUSTOMERS_ONLY, JobType.FULL_SYNC, JobType.FULL_SYNC),
        (JobType.BACKFILL, JobType.BACKFILL, JobType.BACKFILL),
    ],
)
def test_waiting_job_comes_to_cover_what_is_wanted(
    waiting: JobType, wanted: JobType, becomes: JobType
) -> None:
    assert planning.widened(waiting, wanted) is becomes


def test_first_sync_is_always_a_full_one() -> None:
    wanted = planning.effective_type(JobType.INCREMENTAL_SYNC, initial_sync_completed=False)

    assert wanted is JobType.FULL_SYNC


def test_people_who_wait_get_the_interactive_lane() -> None:
    assert planning.lane_of(ReadMode.PAGED, TriggeredBy.USER) is Lane.INTERACTIVE
    assert planning.lane_of(ReadMode.PAGED, TriggeredBy.SCHEDULE) is Lane.INCREMENTAL
    assert planning.lane_of(ReadMode.BULK, TriggeredBy.USER) is Lane.FULL


@pytest.mark.parametrize(
    ("scopes", "unreadable"),
    [
        (("read_customers", "read_orders", "read_products"), set()),
        (("write_customers", "read_orders", "write_products", "read_inventory"), set()),
        (("read_customers", "read_products"), {Resource.ORDERS}),
        (("read_customers", "read_products", "read_all_orders"), {Resource.ORDERS}),
        ((), set(Resource)),
    ],
)
def test_what_cannot_be_read_follows_from_the_scopes(
    scopes: tuple[str, ...], unreadable: set[Resource]
) -> None:
    assert planning.unreadable(scopes) == unreadable


def test_missing_scope_and_a_schedule_are_told_apart() -> None:
    skipped = planning.skips(
        JobType.INCREMENTAL_SYNC, skips_products=True, unreadable=frozenset({Resource.ORDERS})
    )

    assert skipped == {Resource.ORDERS: SkipReason.SCOPE_MISSING, Resource.PRODUCTS: SkipReason.NOT_DUE}


def test_missing_scope_says_more_than_the_schedule() -> None:
    skipped = planning.skips(
        JobType.INCREMENTAL_SYNC, skips_products=True, unreadable=frozenset({Resource.PRODUCTS})
    )

    assert skipped == {Resource.PRODUCTS: SkipReason.SCOPE_MISSING}


def test_only_what_a_job_covers_is_skipped() -> None:
    assert (
        planning.skips(JobType.ORDERS_ONLY, skips_products=False, unreadable=frozenset({Resource.CUSTOMERS}))
        == {}
    )


@pytest.mark.parametrize(
    ("resources", "words"),
    [
        ([Resource.ORDERS], "orders"),
        ([Resource.ORDERS, Resource.CUSTOMERS], "customers or orders"),
        (list(Resource), "customers, orders, or products"),
    ],
)
def test_merchant_is_told_what_may_not_be_read(resources: list[Resource], words: str) -> None:
    told = planning.nothing_readable(JobType.FULL_SYNC, resources)

    assert told == f"The app may not read {words} of this store. Reconnect the store to allow it."
