"""The inbox forgets only what Kafka has forgotten too."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sync_common.runtime import ManualClock
from sync_orchestrator.runner.upkeep import KEPT, Upkeep
from sync_orchestrator.store import events

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


async def test_events_are_remembered_as_long_as_they_can_come_again(database: Any) -> None:
    async with database.transaction() as tx:
        await events.first_time(tx, "old", now=NOW - KEPT - timedelta(seconds=1))
        await events.first_time(tx, "recent", now=NOW - KEPT + timedelta(seconds=1))

    await Upkeep(database, ManualClock(NOW)).tidy()

    async with database.transaction() as tx:
        assert await events.first_time(tx, "old", now=NOW)
        assert not await events.first_time(tx, "recent", now=NOW)


async def test_jobs_of_long_ago_are_forgotten_but_the_last_of_each_store(store: Any) -> None:
    store.admin.execute(
        """INSERT INTO sync.sync_jobs (advertiser_id, store_id, installation_id, shop_domain, job_type, status,
               triggered_by, due_at, started_at, completed_at)
           SELECT 11, store_id, 5, 'acme.myshopify.com',
                  CASE WHEN number = 2 THEN 'full_sync' ELSE 'incremental_sync' END, 'completed', 'schedule',
                  ended_at, ended_at, ended_at
           FROM (SELECT store_id, number, timestamptz '2026-11-22' - (40 - number) * interval '10 days' AS ended_at
                 FROM generate_series(1, 35) AS number, unnest(ARRAY[17, 18]) AS store_id ORDER BY number) AS old"""
    )

    await Upkeep(store.database, ManualClock(NOW)).tidy()

    left = store.rows(
        "SELECT store_id, count(*) AS jobs, count(*) FILTER (WHERE job_type = 'full_sync') AS full"
        " FROM sync.sync_jobs GROUP BY store_id ORDER BY store_id"
    )
    assert left == [{"store_id": 17, "jobs": 21, "full": 1}, {"store_id": 18, "jobs": 21, "full": 1}]
