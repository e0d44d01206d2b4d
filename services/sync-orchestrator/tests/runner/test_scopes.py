"""Jobs of a store whose merchant lets the app not read everything."""

from datetime import UTC, datetime
from typing import Any

from sync_common.contracts.events.lifecycle import JobType, TriggeredBy
from sync_common.contracts.resources import Resource

Rig = Any  # what the fixture `rig` returns, see conftest.py

REACHED = datetime(2026, 11, 22, 10, tzinfo=UTC)
SYNCED_BEFORE = (
    "INSERT INTO sync.watermarks SELECT 11, 17, resource, '2026-11-22T10:00:00Z', 1"
    " FROM unnest(ARRAY['customers', 'orders', 'products']) AS resource;"
    "UPDATE sync.store_state SET initial_sync_completed = true"
)
PLANNED = "UPDATE sync.store_state SET next_run_at = now() + interval '1 hour', next_run_slot = 'hourly/x'"


def parts(row: dict[str, Any]) -> dict[str, tuple[str, str | None]]:
    """Return state and reason of each part."""
    return {part["resource"]: (part["state"], part["skip_reason"]) for part in row["parts"]}


def reached(rig: Rig) -> dict[str, datetime]:
    """Return how far each resource is synced."""
    return {
        row["resource"]: row["reached_at"]
        for row in rig.store.rows("SELECT resource, reached_at FROM sync.watermarks")
    }


async def test_resource_without_its_scope_is_skipped_and_the_others_are_read(rig: Rig) -> None:
    rig.store.admin.execute(SYNCED_BEFORE)
    rig.store.grant("read_customers", "write_products")
    rig.fetcher.play(Resource.CUSTOMERS, rig.whole(4))
    await rig.store.want(JobType.INCREMENTAL_SYNC)

    async with rig.replica():
        row = await rig.ended()

    assert (row["status"], row["error_message"]) == ("completed", None)
    assert parts(row) == {
        "customers": ("done", None),
        "orders": ("skipped", "scope_missing"),
        "products": ("done", None),
    }
    assert row["records_created"] == {"customers": 4, "products": 0}
    assert not rig.fetcher.requests[Resource.ORDERS]
    assert reached(rig)["orders"] == REACHED
    assert reached(rig)["customers"] > REACHED


async def test_resource_whose_scope_comes_later_is_then_read_in_full(rig: Rig) -> None:
    rig.store.grant("read_customers", "read_products")
    await rig.store.want()
    async with rig.replica():
        await rig.ended()
    rig.store.grant("read_customers", "read_orders", "read_products")
    rig.fetcher.play(Resource.ORDERS, rig.whole(3))
    await rig.store.want(JobType.INCREMENTAL_SYNC)

    async with rig.replica():
        await rig.until(
            lambda: (
                [job["status"] for job in rig.store.rows("SELECT status FROM sync.sync_jobs")]
                == ["completed"] * 2
            )
        )

    assert [query["mode"] for query in rig.fetcher.requests[Resource.ORDERS]] == ["bulk"]
    assert "orders" in reached(rig)


async def test_job_that_may_read_nothing_fails_with_words_for_the_merchant(rig: Rig) -> None:
    rig.store.admin.execute(PLANNED)
    rig.store.grant("read_inventory")
    await rig.store.want()

    async with rig.replica():
        row = await rig.ended()

    assert (row["status"], row["error_code"]) == ("failed", "scopes_missing")
    assert row["error_message"] == (
        "The app may not read customers, orders, or products of this store. Reconnect the store to allow it."
    )
    assert {reason for _, reason in parts(row).values()} == {"scope_missing"}
    assert not any(rig.fetcher.requests.values())
    assert rig.store.events() == ["sync.started", "sync.exhausted"]
    state = rig.store.row("SELECT status, next_run_at FROM sync.store_state")
    assert state == {"status": "error", "next_run_at": None}


async def test_products_alone_that_may_not_be_read_leave_the_schedule_of_the_rest(rig: Rig) -> None:
    rig.store.admin.execute(PLANNED)
    rig.store.grant("read_customers", "read_orders")
    await rig.store.want(JobType.PRODUCTS_ONLY, triggered_by=TriggeredBy.SCHEDULE)

    async with rig.replica():
        row = await rig.ended()

    assert (row["status"], row["error_code"]) == ("failed", "scopes_missing")
    assert rig.store.events() == ["sync.started", "sync.failed"]
    state = rig.store.row("SELECT status, next_run_at IS NULL AS is_over FROM sync.store_state")
    assert state == {"status": "connected", "is_over": False}
    assert rig.store.rows("SELECT * FROM sync.sync_jobs WHERE status = 'pending'") == []


async def test_products_that_are_not_due_are_skipped_for_that_reason(rig: Rig) -> None:
    rig.store.admin.execute(SYNCED_BEFORE)
    rig.store.grant("read_customers", "read_orders", "read_products")
    await rig.store.want(JobType.INCREMENTAL_SYNC, skips_products=True)

    async with rig.replica():
        row = await rig.ended()

    assert row["status"] == "completed"
    assert parts(row)["products"] == ("skipped", "not_due")


async def test_history_that_may_not_be_read_fails_in_words_and_leaves_the_schedule(rig: Rig) -> None:
    rig.store.admin.execute(SYNCED_BEFORE)
    rig.store.admin.execute(PLANNED)
    rig.store.grant("read_customers", "read_orders", "read_products")
    await rig.store.want(JobType.BACKFILL)

    async with rig.replica():
        row = await rig.ended()

    assert (row["status"], row["error_code"]) == ("failed", "scopes_missing")
    assert row["error_message"].startswith("The app may not read orders older than 60 days.")
    assert rig.store.row("SELECT status FROM sync.store_state") == {"status": "connected"}
