"""What the gateway does about facts told by others."""

import pytest

from oauth_gateway.handlers.events import lifecycle_handler
from sync_common.bus import Done, Message, Rejected
from sync_common.bus.events import event_body, event_envelope
from sync_common.contracts.events import Event, ShopRedacted, StoreDisconnected, SyncStarted
from sync_common.contracts.events.lifecycle import DisconnectReason, JobType, TriggeredBy
from sync_common.db import Database
from sync_common.runtime import ManualClock

from ..conftest import NOW
from ..seed import Seed


def message(event: Event, *, body: bytes | None = None) -> Message:
    headers = event_envelope(event, source="test", now=NOW).to_headers()
    value = event_body(event) if body is None else body
    return Message("sync.lifecycle.v1", 0, 0, event.key().encode(), value, headers, 0)


def redacted(store_id: int, advertiser_id: int) -> ShopRedacted:
    return ShopRedacted(
        store_id=store_id,
        advertiser_id=advertiser_id,
        shop_domain="acme.myshopify.com",
        generation=1,
        redacted_at=NOW,
    )


async def test_redaction_erases_what_people_wrote(
    database: Database, clock: ManualClock, acme: int, seed: Seed
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com", name="Dana's shop")
    seed.wish_history(store_id)

    outcomes = await lifecycle_handler(database, clock)([message(redacted(store_id, acme))] * 2)

    assert outcomes == [Done(), Done()]
    assert seed.scalar("SELECT name FROM gateway.shopify_stores") == "acme.myshopify.com"
    assert seed.scalar("SELECT history_requested_at FROM gateway.shopify_stores") is None


async def test_other_facts_change_nothing(
    database: Database, clock: ManualClock, acme: int, seed: Seed
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com", name="Acme US")
    fact = StoreDisconnected(
        store_id=store_id,
        advertiser_id=acme,
        shop_domain="acme.myshopify.com",
        installation_id=1,
        generation=1,
        reason=DisconnectReason.TOKEN_EXPIRED,
        disconnected_at=NOW,
    )

    outcomes = await lifecycle_handler(database, clock)([message(fact)])

    assert outcomes == [Done()]
    assert seed.scalar("SELECT name FROM gateway.shopify_stores") == "Acme US"


async def test_unreadable_redaction_is_rejected(database: Database, clock: ManualClock, acme: int) -> None:
    outcomes = await lifecycle_handler(database, clock)([message(redacted(1, acme), body=b"{}")])

    assert isinstance(outcomes[0], Rejected)


def started(store_id: int, advertiser_id: int, job_type: JobType = JobType.FULL_SYNC) -> SyncStarted:
    return SyncStarted(
        store_id=store_id,
        advertiser_id=advertiser_id,
        shop_domain="acme.myshopify.com",
        job_id=1,
        job_type=job_type,
        triggered_by=TriggeredBy.SYSTEM,
        started_at=NOW,
        is_first_sync=False,
    )


async def test_granted_history_is_asked_for_once_the_new_connection_syncs(
    database: Database, clock: ManualClock, acme: int, seed: Seed
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    seed.wish_history(store_id)
    seed.grant(store_id, "read_all_orders", "read_customers", "read_orders", "read_products")

    outcomes = await lifecycle_handler(database, clock)([message(started(store_id, acme))])

    assert outcomes == [Done()]
    assert "sync.backfill_requested" in seed.scalar("SELECT headers::text FROM gateway.outbox")
    wish = seed.scalar("SELECT body::jsonb FROM gateway.outbox")
    assert (wish["store_id"], wish["advertiser_id"]) == (store_id, acme)
    assert wish["requested_by_user_id"] == seed.scalar("SELECT id FROM gateway.users")


@pytest.mark.parametrize("lacks", ["wish", "scope", "incompleteness", "full sync", "own advertiser"])
async def test_history_is_asked_for_only_where_it_is_wished_granted_and_incomplete(
    database: Database, clock: ManualClock, acme: int, seed: Seed, lacks: str
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    if lacks != "wish":
        seed.wish_history(store_id)
    if lacks != "scope":
        seed.grant(store_id, "read_all_orders", "read_orders")
    if lacks == "incompleteness":
        seed.complete_history(store_id)
    job_type = JobType.INCREMENTAL_SYNC if lacks == "full sync" else JobType.FULL_SYNC
    advertiser_id = acme + 1 if lacks == "own advertiser" else acme

    await lifecycle_handler(database, clock)([message(started(store_id, advertiser_id, job_type))])

    assert seed.scalar("SELECT count(*) FROM gateway.outbox") == 0
