"""Commands and events on a real database: what each changes, and what it changes the second time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sync_common.bus import Done, Message, Outcome, Rejected
from sync_common.bus.events import event_body, event_envelope
from sync_common.contracts.events import (
    BackfillRequested,
    CheckRequested,
    DeletionDecision,
    DeletionsDecided,
    Event,
    RefetchRequested,
    ShopRedacted,
    StoreConnected,
    StoreDisconnected,
    SyncCancelRequested,
    SyncCompleted,
    SyncRequested,
    WebhooksRepaired,
)
from sync_common.contracts.events.lifecycle import DisconnectReason, JobType
from sync_common.contracts.resources import Resource
from sync_common.runtime import ManualClock
from sync_orchestrator.handlers import Handlers

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ABOUT = {"store_id": 17, "advertiser_id": 11}
SHOP = {**ABOUT, "shop_domain": "acme.myshopify.com"}


def message(event: Event) -> Message:
    envelope = event_envelope(event, source="test", now=NOW)
    return Message(event.TOPIC, 0, 0, event.key().encode(), event_body(event), envelope.to_headers(), 0)


def connected(generation: int = 1, **given: Any) -> StoreConnected:
    return StoreConnected(
        **SHOP, installation_id=5, generation=generation, connected_at=NOW, timezone="Europe/Berlin", **given
    )


def disconnected(generation: int = 2) -> StoreDisconnected:
    return StoreDisconnected(
        **SHOP,
        installation_id=5,
        generation=generation,
        reason=DisconnectReason.TOKEN_EXPIRED,
        disconnected_at=NOW,
    )


@pytest.fixture
def handle(database: Any) -> Any:
    handlers = Handlers(ManualClock(NOW), refetch_delay=timedelta(seconds=2))

    async def handle(event: Event | Message) -> Outcome:
        async with database.transaction() as tx:
            return await handlers.handle(event if isinstance(event, Message) else message(event), tx=tx)

    return handle


@pytest.fixture
def jobs_of(admin: Any) -> Any:
    return lambda: admin.execute("SELECT * FROM sync.sync_jobs ORDER BY job_id").fetchall()


async def test_connected_store_gets_its_first_full_sync(handle: Any, admin: Any, jobs_of: Any) -> None:
    await handle(connected(connected_by_user_id=3))

    (job,) = jobs_of()
    assert (job["job_type"], job["triggered_by"], job["triggered_by_user_id"]) == ("full_sync", "user", 3)
    assert job["is_first_sync"]
    state = admin.execute("SELECT * FROM sync.store_state").fetchone()
    assert (state["status"], state["timezone"], state["generation"]) == ("connected", "Europe/Berlin", 1)


async def test_connection_told_twice_starts_one_sync(handle: Any, jobs_of: Any) -> None:
    event = message(connected())

    await handle(event)
    await handle(event)

    assert len(jobs_of()) == 1


async def test_late_connection_after_its_disconnection_changes_nothing(
    handle: Any, admin: Any, jobs_of: Any
) -> None:
    await handle(disconnected(generation=2))

    await handle(connected(generation=1))

    assert jobs_of() == []
    assert admin.execute("SELECT status FROM sync.store_state").fetchone()["status"] == "disconnected"


async def test_reconnected_store_reads_everything_again(handle: Any, jobs_of: Any) -> None:
    await handle(connected(1))
    await handle(disconnected(2))

    await handle(connected(3, reconnected=True))

    assert [job["status"] for job in jobs_of()] == ["cancelled", "pending"]


async def test_disconnection_cancels_jobs_without_a_failure(store: Any, handle: Any, jobs_of: Any) -> None:
    await store.want()
    await store.claim()

    await handle(disconnected())

    assert [job["status"] for job in jobs_of()] == ["cancelled"]
    assert store.events() == ["sync.cancelled"]
    state = store.row("SELECT * FROM sync.store_state_v1")
    assert (state["status"], state["last_sync_error"], state["next_run_at"]) == (
        "disconnected",
        "Token expired",
        None,
    )


async def test_late_disconnection_after_a_reconnection_changes_nothing(
    handle: Any, admin: Any, jobs_of: Any
) -> None:
    await handle(connected(3))

    await handle(disconnected(2))

    assert [job["status"] for job in jobs_of()] == ["pending"]
    assert admin.execute("SELECT status FROM sync.store_state").fetchone()["status"] == "connected"


async def test_sync_now_creates_a_job_for_the_person_who_asked(store: Any, handle: Any, jobs_of: Any) -> None:
    await handle(SyncRequested(**ABOUT, requested_by_user_id=3))

    (job,) = jobs_of()
    assert (job["job_type"], job["triggered_by"], job["triggered_by_user_id"]) == ("full_sync", "user", 3)


async def test_second_sync_now_joins_the_running_job(store: Any, handle: Any, jobs_of: Any) -> None:
    await handle(SyncRequested(**ABOUT))
    await store.claim()

    await handle(SyncRequested(**ABOUT))

    assert [job["status"] for job in jobs_of()] == ["running"]


async def test_sync_now_starts_a_waiting_retry_at_once(store: Any, handle: Any, jobs_of: Any) -> None:
    await store.want(attempt=1)
    store.admin.execute("UPDATE sync.sync_jobs SET due_at = now() + interval '1 hour'")

    await handle(SyncRequested(**ABOUT))

    assert (await store.claim()).attempt == 0


async def test_sync_now_widens_a_waiting_sync_of_the_changes(store: Any, handle: Any, jobs_of: Any) -> None:
    await store.want(JobType.INCREMENTAL_SYNC, skips_products=True)

    await handle(SyncRequested(**ABOUT, job_type=JobType.FULL_SYNC))

    assert [(job["job_type"], job["skips_products"]) for job in jobs_of()] == [("full_sync", False)]


async def test_redelivered_sync_now_makes_no_second_job(store: Any, handle: Any, jobs_of: Any) -> None:
    wish = message(SyncRequested(**ABOUT))
    await handle(wish)
    await handle(SyncCancelRequested(**ABOUT, job_id=jobs_of()[0]["job_id"]))

    await handle(wish)

    assert [job["status"] for job in jobs_of()] == ["cancelled"]


async def test_first_incremental_sync_becomes_a_full_one(store: Any, handle: Any, jobs_of: Any) -> None:
    await handle(SyncRequested(**ABOUT, job_type=JobType.INCREMENTAL_SYNC))

    assert [job["job_type"] for job in jobs_of()] == ["full_sync"]


async def test_sync_of_an_unknown_store_is_rejected(handle: Any) -> None:
    outcome = await handle(SyncRequested(**ABOUT))

    assert isinstance(outcome, Rejected)


async def test_sync_of_a_disconnected_store_is_ignored(store: Any, handle: Any, jobs_of: Any) -> None:
    await handle(disconnected())

    assert await handle(SyncRequested(**ABOUT)) == Done()
    assert jobs_of() == []


async def test_cancel_ends_the_named_job_once(store: Any, handle: Any, jobs_of: Any) -> None:
    job, _ = await store.want()

    await handle(SyncCancelRequested(**ABOUT, job_id=job.job_id))
    await handle(SyncCancelRequested(**ABOUT, job_id=job.job_id))

    assert [row["status"] for row in jobs_of()] == ["cancelled"]
    assert store.events() == ["sync.cancelled"]


async def test_cancel_cannot_reach_another_advertisers_job(store: Any, handle: Any, jobs_of: Any) -> None:
    job, _ = await store.want()

    await handle(SyncCancelRequested(store_id=17, advertiser_id=12, job_id=job.job_id))

    assert [row["status"] for row in jobs_of()] == ["pending"]


async def test_backfill_runs_beside_the_sync(store: Any, handle: Any, jobs_of: Any) -> None:
    await store.want()

    await handle(BackfillRequested(**ABOUT, requested_by_user_id=3))

    assert [job["job_type"] for job in jobs_of()] == ["full_sync", "backfill"]


async def test_repaired_webhooks_are_followed_by_a_sync_of_the_changes(
    store: Any, handle: Any, jobs_of: Any
) -> None:
    store.admin.execute("UPDATE sync.store_state SET initial_sync_completed = true")

    await handle(WebhooksRepaired(**SHOP, installation_id=5, topics=("orders/create",)))

    (job,) = jobs_of()
    assert (job["job_type"], job["triggered_by"]) == ("incremental_sync", "webhook")


async def test_webhooks_repaired_during_a_sync_ask_for_another_one(
    store: Any, handle: Any, jobs_of: Any
) -> None:
    await store.want()
    await store.claim()

    await handle(WebhooksRepaired(**SHOP, installation_id=5, topics=("orders/create",)))

    (job,) = jobs_of()
    assert job["follow_up"]


async def test_erased_shop_is_read_from_scratch_if_it_comes_back(store: Any, handle: Any) -> None:
    store.admin.execute("INSERT INTO sync.watermarks VALUES (11, 17, 'orders', now(), 1)")

    await handle(ShopRedacted(**SHOP, generation=1, redacted_at=NOW))

    assert store.rows("SELECT * FROM sync.watermarks") == []


async def test_refetches_of_the_same_record_are_one(store: Any, handle: Any) -> None:
    for reason in ("tie", "partial"):
        await handle(
            RefetchRequested(
                shop_domain=store.shop_domain, resource=Resource.ORDERS, record_ids=("7", "8"), reason=reason
            )
        )

    queued = store.rows("SELECT record_id, revision FROM sync.refetch_queue ORDER BY record_id")
    assert [(row["record_id"], row["revision"]) for row in queued] == [("7", 2), ("8", 2)]


async def test_refetch_of_what_is_no_record_is_rejected(store: Any, handle: Any) -> None:
    wish = RefetchRequested(
        shop_domain=store.shop_domain, resource=Resource.ORDERS, record_ids=("7", "gid://8"), reason="tie"
    )

    assert isinstance(await handle(wish), Rejected)
    assert store.rows("SELECT * FROM sync.refetch_queue") == []


async def test_events_for_others_are_left_alone(store: Any, handle: Any, jobs_of: Any) -> None:
    fact = SyncCompleted(
        **SHOP,
        job_id=1,
        job_type=JobType.FULL_SYNC,
        triggered_by="user",
        completed_at=NOW,
        duration_seconds=1,
        is_first_sync=True,
        counts={},
    )

    assert await handle(fact) == Done()
    assert jobs_of() == []


async def test_command_with_a_missing_field_is_rejected_by_name(handle: Any) -> None:
    wish = message(SyncRequested(**ABOUT))
    broken = Message(wish.topic, 0, 0, wish.key, b'{"advertiser_id": 11}', wish.headers, 0)

    with pytest.raises(Rejected, match="store_id"):
        await handle(broken)


async def test_repaired_webhooks_are_not_lost_in_a_retry_that_reads_less(
    store: Any, handle: Any, jobs_of: Any
) -> None:
    store.admin.execute("UPDATE sync.store_state SET initial_sync_completed = true")
    await store.want(JobType.PRODUCTS_ONLY, attempt=1)

    await handle(WebhooksRepaired(**SHOP, installation_id=5, topics=("orders/create",)))

    (job,) = jobs_of()
    assert (job["job_type"], job["attempt"]) == ("incremental_sync", 1)


async def test_disconnection_cancels_the_check_too(store: Any, handle: Any) -> None:
    store.admin.execute("UPDATE sync.store_state SET initial_sync_completed = true")
    await handle(CheckRequested(**ABOUT, requested_by_user_id=3))

    await handle(disconnected())

    check = store.row("SELECT reason, requested_by_user_id, state FROM sync.checks")
    assert check == {"reason": "user", "requested_by_user_id": 3, "state": "cancelled"}


async def test_store_that_is_not_synced_yet_is_not_checked(store: Any, handle: Any) -> None:
    await handle(CheckRequested(**ABOUT))

    assert store.rows("SELECT * FROM sync.checks") == []


async def test_decision_on_deletions_counts_once_and_for_its_own_store(store: Any, handle: Any) -> None:
    store.admin.execute(
        "INSERT INTO sync.deletions (advertiser_id, store_id, resource, record_id, check_id, state)"
        " SELECT 11, store_id, 'orders', '1', 9, 'waiting' FROM unnest(ARRAY[17, 18]) AS store_id"
    )
    keep, delete = (
        DeletionsDecided(
            **ABOUT, check_id=9, resource=Resource.ORDERS, decision=decision, requested_by_user_id=3
        )
        for decision in (DeletionDecision.KEEP, DeletionDecision.DELETE)
    )

    await handle(keep)
    await handle(delete)

    rows = store.rows("SELECT store_id, state, decided_by_user_id FROM sync.deletions ORDER BY store_id")
    assert rows == [
        {"store_id": 17, "state": "kept", "decided_by_user_id": 3},
        {"store_id": 18, "state": "waiting", "decided_by_user_id": None},
    ]
