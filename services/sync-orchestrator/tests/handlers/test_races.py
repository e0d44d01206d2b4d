"""Connects, disconnections, reinstalls and jobs in any order and at the same moment: the newest connection decides."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from sync_common.bus import Message
from sync_common.bus.events import event_body, event_envelope
from sync_common.contracts.events import Event, StoreConnected, StoreDisconnected, SyncRequested
from sync_common.contracts.events.lifecycle import DisconnectReason
from sync_common.runtime import ManualClock
from sync_orchestrator import transitions
from sync_orchestrator.errors import LeaseLost
from sync_orchestrator.handlers import Handlers

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ORDERS = list(permutations(range(1, 5)))


def of_generation(generation: int, store_id: int) -> Event:
    """Return the event of a store's life: connected, uninstalled, connected again, disconnected by its owner."""
    about: dict[str, Any] = {
        "store_id": store_id,
        "advertiser_id": 11,
        "shop_domain": f"shop-{store_id}.myshopify.com",
        "installation_id": 5,
        "generation": generation,
    }
    if generation % 2:
        return StoreConnected(**about, connected_at=NOW, timezone="UTC")
    reason = DisconnectReason.APP_UNINSTALLED if generation == 2 else DisconnectReason.USER_REQUESTED
    return StoreDisconnected(**about, reason=reason, disconnected_at=NOW)


def message(event: Event) -> Message:
    envelope = event_envelope(event, source="test", now=NOW)
    return Message(event.TOPIC, 0, 0, event.key().encode(), event_body(event), envelope.to_headers(), 0)


@pytest.fixture
def tell(database: Any) -> Any:
    """Handle one message in a transaction of its own."""
    handlers = Handlers(ManualClock(NOW), refetch_delay=timedelta(seconds=2))

    async def tell(told: Message) -> None:
        async with database.transaction() as tx:
            await handlers.handle(told, tx=tx)

    return tell


def left(admin: Any) -> dict[int, tuple[str, int, int]]:
    """Return each store's status, generation and number of active jobs."""
    rows = admin.execute(
        """SELECT s.store_id, s.status, s.generation, count(j.job_id) AS active
           FROM sync.store_state s LEFT JOIN sync.sync_jobs j
               ON j.store_id = s.store_id AND j.status IN ('pending', 'running')
           GROUP BY s.store_id, s.status, s.generation"""
    ).fetchall()
    return {row["store_id"]: (row["status"], row["generation"], row["active"]) for row in rows}


@pytest.mark.parametrize(("newest", "status", "active"), [(3, "connected", 1), (4, "disconnected", 0)])
async def test_newest_connection_decides_whatever_order_events_come_in(
    tell: Any, admin: Any, newest: int, status: str, active: int
) -> None:
    for store_id, order in enumerate(ORDERS, start=100):
        told = [message(of_generation(one, store_id)) for one in order if one <= newest]
        for one in [*told, told[0]]:  # the first one comes twice
            await tell(one)

    assert left(admin) == {100 + n: (status, newest, active) for n in range(len(ORDERS))}


@pytest.mark.parametrize(("newest", "status", "active"), [(3, "connected", 1), (4, "disconnected", 0)])
async def test_newest_connection_decides_also_at_the_same_moment(
    tell: Any, admin: Any, newest: int, status: str, active: int
) -> None:
    stores = range(200, 212)
    for store_id in stores:
        wish = message(SyncRequested(store_id=store_id, advertiser_id=11))
        told = [message(of_generation(one, store_id)) for one in range(1, newest + 1)]
        await asyncio.gather(*(tell(one) for one in [*told, wish, *told]))

    assert left(admin) == dict.fromkeys(stores, (status, newest, active))


async def test_job_that_ends_while_its_store_is_disconnected_is_cancelled_or_complete_never_both(
    tell: Any, store: Any
) -> None:
    """Whoever ends the job first wins; a disconnected store stays so either way."""
    await store.want()
    job = await store.claim()
    gone = of_generation(2, store.store_id).model_copy(update={"shop_domain": store.shop_domain})

    async def fail() -> None:
        with contextlib.suppress(LeaseLost):
            async with store.database.transaction() as tx:
                await transitions.fail(tx, job, transitions.Problem("bulk_failed", "No.", True), now=NOW)

    await asyncio.gather(tell(message(gone)), fail())

    statuses = [row["status"] for row in store.rows("SELECT status FROM sync.sync_jobs ORDER BY job_id")]
    assert statuses in (["cancelled"], ["failed", "cancelled"]), "a retry that was planned is cancelled too"
    assert store.row("SELECT status FROM sync.store_state")["status"] == "disconnected"
