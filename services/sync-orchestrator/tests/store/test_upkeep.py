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
