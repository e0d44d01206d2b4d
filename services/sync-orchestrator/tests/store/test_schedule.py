"""The schedule on a real database, beside the gateway's stores and the fetcher's installations."""

from datetime import timedelta
from typing import Any

import pytest

from sync_orchestrator.runner import schedule


@pytest.fixture
async def scheduled(store: Any) -> Any:
    """Return a store that has had its first sync, with its settings where the gateway keeps them."""
    store.admin.execute(
        "INSERT INTO gateway.advertisers (id, slug, name) OVERRIDING SYSTEM VALUE VALUES (11, 'acme', 'Acme')"
    )
    store.admin.execute(
        "INSERT INTO gateway.shopify_stores (id, advertiser_id, shop_domain, name, sync_frequency)"
        " OVERRIDING SYSTEM VALUE VALUES (17, 11, 'acme.myshopify.com', 'Acme', 'hourly')"
    )
    store.admin.execute(
        "UPDATE sync.store_state SET initial_sync_completed = true, last_full_sync_at = now()"
    )
    await plan(store)
    return store


async def plan(store: Any) -> None:
    async with store.database.transaction() as tx:
        await schedule.plan_changed(tx)


async def create(store: Any, jobs_max: int = 10) -> int:
    async with store.database.transaction() as tx:
        return await schedule.create_due(tx, jobs_max=jobs_max)


def come_due(store: Any, column: str = "next_run_at", ago: str = "10 seconds") -> None:
    store.admin.execute(f"UPDATE sync.store_state SET {column} = now() - interval '{ago}'")


async def test_hourly_store_is_due_within_the_hour(scheduled: Any) -> None:
    row = scheduled.row("SELECT next_run_at - now() AS wait FROM sync.store_state")

    assert 0 < row["wait"].total_seconds() <= 3600


async def test_changed_frequency_moves_the_next_run(scheduled: Any) -> None:
    scheduled.admin.execute("UPDATE gateway.shopify_stores SET sync_frequency = 'manual'")

    await plan(scheduled)

    assert scheduled.row("SELECT next_run_at FROM sync.store_state")["next_run_at"] is None


async def test_changed_zone_moves_the_next_run(scheduled: Any) -> None:
    scheduled.admin.execute("UPDATE gateway.shopify_stores SET sync_frequency = 'daily'")
    await plan(scheduled)
    new_york = scheduled.row("SELECT next_run_at FROM sync.store_state")["next_run_at"]
    scheduled.admin.execute(
        "INSERT INTO fetcher.installations (id, shop_domain, timezone, api_version) OVERRIDING SYSTEM VALUE"
        " VALUES (5, 'acme.myshopify.com', 'Asia/Tokyo', '2026-10')"
    )
    scheduled.admin.execute(
        "INSERT INTO fetcher.connections (advertiser_id, store_id, installation_id, status, connected_at)"
        " VALUES (11, 17, 5, 'connected', now())"
    )

    await plan(scheduled)

    row = scheduled.row("SELECT next_run_at, timezone FROM sync.store_state")
    assert row["timezone"] == "Asia/Tokyo"
    assert row["next_run_at"] != new_york


async def test_due_store_gets_its_job_and_its_next_run_together(scheduled: Any) -> None:
    come_due(scheduled)

    assert await create(scheduled) == 1

    job = scheduled.row("SELECT * FROM sync.sync_jobs")
    assert (job["job_type"], job["triggered_by"]) == ("incremental_sync", "schedule")
    assert scheduled.row("SELECT next_run_at > now() AS later FROM sync.store_state")["later"]


async def test_run_missed_for_hours_is_made_up_once_and_spread(scheduled: Any) -> None:
    come_due(scheduled, ago="8 hours")

    assert await create(scheduled) == 1
    assert await create(scheduled) == 0

    row = scheduled.row("SELECT due_at - now() AS wait FROM sync.sync_jobs")
    assert -5 < row["wait"].total_seconds() < 1_200


async def test_run_that_is_made_up_late_stands_for_the_next_one_too(scheduled: Any) -> None:
    """Else a store whose moment comes while its late run waits would run twice within minutes."""
    scheduled.admin.execute("UPDATE gateway.shopify_stores SET sync_frequency = 'every_15_min'")
    await plan(scheduled)
    come_due(scheduled, ago="8 hours")

    await create(scheduled)

    due = scheduled.row("SELECT due_at FROM sync.sync_jobs")["due_at"]
    assert scheduled.row("SELECT next_run_at FROM sync.store_state")["next_run_at"] > due


async def test_store_that_syncs_already_skips_its_run(scheduled: Any) -> None:
    await scheduled.want()
    come_due(scheduled)

    assert await create(scheduled) == 0

    assert len(scheduled.rows("SELECT * FROM sync.sync_jobs")) == 1
    assert scheduled.row("SELECT next_run_at > now() AS later FROM sync.store_state")["later"]


async def test_full_load_leaves_stores_due(scheduled: Any) -> None:
    come_due(scheduled)

    assert await create(scheduled, jobs_max=0) == 0
    assert await create(scheduled, jobs_max=1) == 1


async def test_only_one_replica_schedules_at_a_time(scheduled: Any) -> None:
    come_due(scheduled)

    async with scheduled.database.transaction() as one, scheduled.database.transaction() as two:
        created = [await schedule.create_due(tx, jobs_max=10) for tx in (one, two)]

    assert created == [1, 0]


async def test_weekly_everything_is_read(scheduled: Any) -> None:
    scheduled.admin.execute("UPDATE sync.store_state SET last_full_sync_at = now() - interval '8 days'")
    come_due(scheduled)

    await create(scheduled)

    assert scheduled.row("SELECT job_type FROM sync.sync_jobs")["job_type"] == "full_sync"


async def test_products_on_their_own_schedule_are_left_out_until_due(scheduled: Any) -> None:
    scheduled.admin.execute("UPDATE gateway.shopify_stores SET products_frequency = 'daily'")
    await plan(scheduled)
    come_due(scheduled)

    await create(scheduled)

    assert scheduled.row("SELECT skips_products FROM sync.sync_jobs")["skips_products"]


async def test_products_alone_come_due(scheduled: Any) -> None:
    scheduled.admin.execute("UPDATE gateway.shopify_stores SET products_frequency = 'daily'")
    await plan(scheduled)
    come_due(scheduled, column="next_products_run_at")

    await create(scheduled)

    assert scheduled.row("SELECT job_type FROM sync.sync_jobs")["job_type"] == "products_only"


async def test_store_with_exhausted_retries_is_not_scheduled(scheduled: Any) -> None:
    scheduled.admin.execute("UPDATE sync.store_state SET status = 'error'")
    come_due(scheduled)

    assert await create(scheduled) == 0


async def test_five_hundred_hourly_stores_come_back_from_eight_hours_of_downtime(store: Any) -> None:
    """At most one run each, spread over a quarter of an hour or more, never more at a time than the cap allows."""
    due_for_eight_hours(store, stores=500)

    created = []
    while any_due(store):
        created.append(await create(store, jobs_max=120))
        store.admin.execute(  # what has come due runs and ends, so that the cap lets others in
            "UPDATE sync.sync_jobs SET status = 'completed', started_at = due_at, completed_at = now()"
            " WHERE status = 'pending'"
        )

    assert max(created) <= 120
    row = store.row(
        """SELECT count(*) AS jobs, count(DISTINCT store_id) AS stores, max(due_at) - min(due_at) AS spread
           FROM sync.sync_jobs"""
    )
    assert (row["jobs"], row["stores"]) == (500, 500)
    assert row["spread"] >= timedelta(minutes=15)
    busiest = store.row(
        "SELECT max(jobs) AS jobs FROM"
        " (SELECT count(*) AS jobs FROM sync.sync_jobs GROUP BY date_trunc('minute', due_at)) AS minute"
    )
    assert busiest["jobs"] < 500 / 20 * 2.5
    left = store.row("SELECT count(*) AS late FROM sync.store_state WHERE next_run_at <= now()")
    assert left["late"] == 0


def due_for_eight_hours(store: Any, *, stores: int) -> None:
    """Let so many hourly stores have been due since the platform stopped."""
    store.admin.execute(
        """INSERT INTO sync.store_state (advertiser_id, store_id, installation_id, shop_domain, generation, status,
               initial_sync_completed, last_full_sync_at, scheduled_frequency, next_run_at, next_run_slot)
           SELECT 11, 1000 + n, 5, 'shop-' || n || '.myshopify.com', 1, 'connected', true, now() - interval '1 day',
                  'hourly', now() - interval '8 hours' + n * interval '7 seconds', 'hourly/' || n
           FROM generate_series(1, %s) AS n""",
        [stores],
    )


def any_due(store: Any) -> bool:
    """Say whether some store waits for its run."""
    return bool(store.rows("SELECT FROM sync.store_state WHERE next_run_at <= now() LIMIT 1"))
