"""From the event to the provider's mailbox, on real PostgreSQL and over HTTP."""

import asyncio
import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from notifier.clients.loops import Loops
from notifier.domain.sending import Next, State
from notifier.store import emails
from sync_common.bus import Done, Rejected
from sync_common.contracts.events import (
    InvitationMailRequested,
    PasswordResetMailRequested,
    ShopRedacted,
    StoreDisconnected,
    SyncCompleted,
    SyncExhausted,
    SyncStarted,
)
from sync_common.contracts.events.lifecycle import DisconnectReason, JobType, ResourceCounts, TriggeredBy
from sync_common.contracts.resources import Resource
from sync_common.http import make_client

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
SHOP = "acme.myshopify.com"
PAGE = "https://app.example.com/advertisers/acme/integrations/shopify"


def completed(world: Any, **changes: Any) -> SyncCompleted:
    values: dict[str, Any] = {
        "store_id": 17,
        "advertiser_id": world.people.advertiser_id,
        "shop_domain": SHOP,
        "job_id": 5,
        "job_type": JobType.FULL_SYNC,
        "triggered_by": TriggeredBy.USER,
        "completed_at": NOW,
        "duration_seconds": 480,
        "is_first_sync": True,
        "counts": {
            Resource.CUSTOMERS: ResourceCounts(created=1200, updated=30, unchanged=4, skipped=2, failed=1),
            Resource.ORDERS: ResourceCounts(created=5678),
            Resource.PRODUCTS: ResourceCounts(created=90),
        },
    }
    return SyncCompleted(**{**values, **changes})


def exhausted(world: Any) -> SyncExhausted:
    return SyncExhausted(
        store_id=17,
        advertiser_id=world.people.advertiser_id,
        shop_domain=SHOP,
        job_id=5,
        job_type=JobType.FULL_SYNC,
        triggered_by=TriggeredBy.SCHEDULE,
        failed_at=NOW,
        error_code="rate_limited",
        error_message="API rate limit exceeded",
        attempts=4,
    )


def disconnected(world: Any, reason: DisconnectReason = DisconnectReason.TOKEN_EXPIRED) -> StoreDisconnected:
    return StoreDisconnected(
        store_id=17,
        advertiser_id=world.people.advertiser_id,
        shop_domain=SHOP,
        installation_id=3,
        generation=2,
        reason=reason,
        disconnected_at=NOW,
    )


def recipients(mails: list[dict[str, Any]]) -> list[str]:
    return sorted(mail["email"] for mail in mails)


async def test_first_sync_tells_the_owner_what_was_imported(world: Any) -> None:
    await world.hear(completed(world))
    await world.send_all()

    (mail,) = await world.mails()
    assert (mail["email"], mail["template"]) == ("owner@example.com", "shopify_sync_complete")
    assert mail["variables"] == {
        "shop_name": SHOP,
        "customers_synced": 1234,
        "orders_synced": 5678,
        "products_synced": 90,
        "duration": "8 minutes",
        "view_url": PAGE,
    }


async def test_whoever_triggered_the_sync_is_told_too(world: Any) -> None:
    await world.hear(completed(world, triggered_by_user_id=world.people.member))
    await world.send_all()

    assert recipients(await world.mails()) == ["member@example.com", "owner@example.com"]


async def test_owner_who_triggered_the_sync_gets_one_mail(world: Any) -> None:
    await world.hear(completed(world, triggered_by_user_id=world.people.owner))
    await world.send_all()

    assert recipients(await world.mails()) == ["owner@example.com"]


async def test_later_syncs_and_other_facts_make_no_mail(world: Any) -> None:
    started = SyncStarted(
        store_id=17,
        advertiser_id=world.people.advertiser_id,
        shop_domain=SHOP,
        job_id=6,
        job_type=JobType.FULL_SYNC,
        triggered_by=TriggeredBy.SCHEDULE,
        started_at=NOW,
        is_first_sync=True,
    )

    outcomes = await world.hear(completed(world, is_first_sync=False)) + await world.hear(started)

    assert outcomes == [Done(), Done()]
    assert world.rows() == []


async def test_failed_sync_tells_owner_and_admins(world: Any) -> None:
    await world.hear(exhausted(world))
    await world.send_all()

    mails = await world.mails()
    assert recipients(mails) == ["admin@example.com", "owner@example.com"]
    assert mails[0]["variables"] == {
        "shop_name": SHOP,
        "error_message": "API rate limit exceeded",
        "retry_url": f"{PAGE}#store-17",
        "support_url": "https://app.example.com/support",
    }


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (DisconnectReason.TOKEN_EXPIRED, "OAuth token expired"),
        (DisconnectReason.API_ERROR, "API error"),
        (DisconnectReason.USER_REQUESTED, "Disconnected by a member of your team"),
        (
            DisconnectReason.APP_UNINSTALLED,
            "App uninstalled. Shopify will ask us to erase your store's personal data in 48 hours, "
            "unless you reconnect before then.",
        ),
    ],
)
async def test_disconnect_tells_owner_and_admins_why(
    world: Any, reason: DisconnectReason, words: str
) -> None:
    await world.hear(disconnected(world, reason))
    await world.send_all()

    mails = await world.mails()
    assert recipients(mails) == ["admin@example.com", "owner@example.com"]
    assert mails[0]["variables"] == {
        "shop_name": SHOP,
        "reason": words,
        "reconnect_url": f"{PAGE}/connect?shop={SHOP}",
    }


async def test_wishes_are_respected_but_the_owner_always_hears_of_a_disconnect(world: Any) -> None:
    world.run(
        "UPDATE gateway.memberships SET notify_sync_complete = false, notify_sync_failed = false,"
        " notify_store_disconnected = false"
    )

    await world.hear(completed(world, triggered_by_user_id=world.people.member))
    await world.hear(exhausted(world))
    await world.hear(disconnected(world))
    await world.send_all()

    (mail,) = await world.mails()
    assert (mail["email"], mail["template"]) == ("owner@example.com", "shopify_store_disconnected")


@pytest.mark.parametrize(
    ("kind", "people"),
    [
        ("completed", ["owner"]),
        ("exhausted", ["admin", "owner"]),
        ("disconnected", ["admin", "owner"]),
        ("invitation", ["member"]),
        ("reset", ["admin"]),
    ],
)
async def test_event_redelivered_fifty_times_makes_one_mail_each(
    world: Any, keys: Any, kind: str, people: list[str]
) -> None:
    makers: dict[str, Callable[[], Any]] = {
        "completed": lambda: completed(world),
        "exhausted": lambda: exhausted(world),
        "disconnected": lambda: disconnected(world),
        "invitation": lambda: invitation(world, keys),
        "reset": lambda: reset(world, keys),
    }
    message = world.message(makers[kind]())
    await world.fault("error_after_accepting")

    await world.hear(message, times=20)
    await world.send_all()
    await asyncio.gather(*(world.hear(message) for _ in range(10)))
    world.run("UPDATE notify.emails SET due_at = clock_timestamp() WHERE state = 'pending'")
    await world.send_all()
    await world.hear(message, times=20)
    await world.send_all()

    assert recipients(await world.mails()) == [f"{person}@example.com" for person in people]
    assert {row["state"] for row in world.rows()} == {"sent"}


async def test_event_heard_by_two_replicas_at_once_makes_one_mail(world: Any) -> None:
    message = world.message(disconnected(world))

    await asyncio.gather(*(world.hear(message) for _ in range(8)))
    await asyncio.gather(*(world.another_sender(owner=f"sender-{number}").send_next() for number in range(4)))
    await world.send_all()

    assert recipients(await world.mails()) == ["admin@example.com", "owner@example.com"]


async def test_crash_between_send_and_record_makes_one_mail(world: Any) -> None:
    await world.hear(completed(world))
    await _send_and_crash(world)
    assert [row["state"] for row in world.rows()] == ["pending"]

    assert not await world.another_sender(owner="sender-2").send_next()  # the dead sender's lease still holds
    world.run("UPDATE notify.emails SET lease_expires_at = clock_timestamp()")
    await world.another_sender(owner="sender-2").send_next()

    assert len(await world.mails()) == 1
    assert [(row["state"], row["sealed_token"]) for row in world.rows()] == [("sent", None)]


async def _send_and_crash(world: Any) -> None:
    """Let Loops accept the mail and lose its answer with the process."""
    async with world.database.transaction() as tx:
        mail = await emails.claim(tx, owner="sender-1", lease_seconds=60)
        assert mail is not None
        address = await emails.address_of(tx, mail)
    await world.sender._call(mail, address)


async def test_record_of_a_sender_that_lost_its_lease_changes_nothing(world: Any) -> None:
    await world.hear(completed(world))
    async with world.database.transaction() as tx:
        stale = await emails.claim(tx, owner="sender-1", lease_seconds=0)
    assert stale is not None
    await world.another_sender(owner="sender-2").send_next()

    async with world.database.transaction() as tx:
        await emails.settle(tx, stale, Next(State.FAILED, failure="late"), owner="sender-1")

    assert [(row["state"], row["failure"]) for row in world.rows()] == [("sent", None)]


async def test_error_after_accepting_makes_one_mail(world: Any) -> None:
    await world.fault("error_after_accepting")
    await world.hear(completed(world))
    await world.send_all()
    (row,) = world.rows()
    assert (row["state"], row["attempts"], row["failure"]) == ("pending", 1, "loops_500")
    assert row["due_at"] > row["updated_at"]

    world.run("UPDATE notify.emails SET due_at = clock_timestamp()")
    await world.send_all()

    assert len(await world.mails()) == 1
    assert [row["state"] for row in world.rows()] == ["sent"]


async def test_server_errors_are_tried_again_with_growing_delays(world: Any) -> None:
    await world.fault("server_error", times=3)
    await world.hear(completed(world))

    delays = []
    for _ in range(3):
        await world.send_all()
        (row,) = world.rows()
        delays.append(round((row["due_at"] - row["updated_at"]).total_seconds()))
        world.run("UPDATE notify.emails SET due_at = clock_timestamp()")
    await world.send_all()

    assert delays == [5, 10, 20]
    assert len(await world.mails()) == 1


async def test_being_limited_uses_no_attempt(world: Any) -> None:
    await world.fault("rate_limited")
    await world.hear(completed(world))
    await world.send_all()

    (row,) = world.rows()
    assert (row["state"], row["attempts"]) == ("pending", 0)
    world.run("UPDATE notify.emails SET due_at = clock_timestamp()")
    await world.send_all()
    assert len(await world.mails()) == 1


async def test_refused_mail_is_final(world: Any) -> None:
    await world.fault("refuse")
    await world.hear(completed(world))
    await world.send_all()

    assert [(row["state"], row["failure"]) for row in world.rows()] == [("failed", "loops_400")]
    world.run("UPDATE notify.emails SET due_at = clock_timestamp()")
    assert not await world.sender.send_next()


async def lose_sight_of(world: Any) -> None:
    """Let a mail go out without anybody knowing, and Loops forget that it did."""
    await world.fault("error_after_accepting")
    await world.hear(completed(world))
    await world.send_all()
    world.run(
        "UPDATE notify.emails SET due_at = clock_timestamp(),"
        " first_attempted_at = clock_timestamp() - interval '23 hours'"
    )
    await world.send_all()


async def test_mail_that_loops_may_have_forgotten_is_not_sent_again(world: Any) -> None:
    await lose_sight_of(world)

    assert [(row["state"], row["failure"]) for row in world.rows()] == [("unknown", "beyond_retry_window")]
    assert len(await world.mails()) == 1


async def test_unreachable_provider_leaves_the_mail_pending(world: Any) -> None:
    await world.hear(completed(world))
    async with make_client(base_url="http://127.0.0.1:1") as nowhere:
        await world.another_sender(loops=Loops(nowhere)).send_next()

    (row,) = world.rows()
    assert (row["state"], row["failure"]) == ("pending", "loops_unreachable")


async def test_mail_that_trips_over_a_bug_does_not_stop_the_others(world: Any) -> None:
    await world.hear(completed(world))
    await world.hear(exhausted(world))
    without_one = {name: known for name, known in world.sender.templates.items() if "complete" not in name}
    sender = world.another_sender(templates=without_one)

    while await sender.send_next():
        pass

    states = {(row["template"], row["state"]) for row in world.rows()}
    assert states == {("shopify_sync_complete", "pending"), ("shopify_sync_failed", "sent")}


def invitation(world: Any, keys: Any) -> InvitationMailRequested:
    sealed = keys.seal(b"tok-1", context=InvitationMailRequested.sealing_context(world.people.member))
    return InvitationMailRequested(
        user_id=world.people.member,
        advertiser_id=world.people.advertiser_id,
        advertiser_name="Acme",
        invited_by_name="Ada",
        sealed_token=base64.urlsafe_b64encode(sealed).decode(),
        expires_at=datetime.now(UTC) + timedelta(days=2, seconds=30),
    )


async def test_invitation_opens_its_token_only_when_sent(world: Any, keys: Any) -> None:
    await world.hear(invitation(world, keys))
    assert "tok-1" not in str(world.rows())
    await world.send_all()

    (mail,) = await world.mails()
    assert (mail["email"], mail["subject"]) == ("member@example.com", "Ada invited you to Acme")
    assert mail["variables"]["accept_url"] == "https://app.example.com/invitations/tok-1"
    assert mail["variables"]["valid_for"] == "2 days"
    assert [(row["state"], row["sealed_token"]) for row in world.rows()] == [("sent", None)]


def reset(world: Any, keys: Any, *, sealed_for: int | None = None, minutes: int = 60) -> Any:
    user = world.people.admin
    context = PasswordResetMailRequested.sealing_context(sealed_for or user)
    return PasswordResetMailRequested(
        user_id=user,
        sealed_token=base64.urlsafe_b64encode(keys.seal(b"tok-2", context=context)).decode(),
        expires_at=datetime.now(UTC) + timedelta(minutes=minutes),
    )


async def test_password_reset_belongs_to_no_advertiser(world: Any, keys: Any) -> None:
    await world.hear(reset(world, keys))
    await world.send_all()

    (mail,) = await world.mails()
    assert mail["email"] == "admin@example.com"
    assert mail["variables"] == {
        "reset_url": "https://app.example.com/password/reset/tok-2",
        "valid_for": "1 hour",
    }
    assert [row["advertiser_id"] for row in world.rows()] == [0]


@pytest.mark.parametrize(
    ("spoiled", "failure"),
    [
        ({"sealed_for": 999}, "token_unreadable"),
        ({"minutes": -1}, "token_expired"),
    ],
)
async def test_link_that_would_not_work_is_not_sent(
    world: Any, keys: Any, spoiled: dict[str, int], failure: str
) -> None:
    await world.hear(reset(world, keys, **spoiled))
    await world.send_all()

    assert await world.mails() == []
    assert [(row["state"], row["failure"]) for row in world.rows()] == [("failed", failure)]


async def test_recipient_who_is_gone_fails_the_mail(world: Any) -> None:
    await world.hear(completed(world))
    world.run("UPDATE notify.emails SET recipient_user_id = 999")
    await world.send_all()

    assert [(row["state"], row["failure"]) for row in world.rows()] == [("failed", "recipient_gone")]


async def test_mail_about_a_store_is_not_sent_to_somebody_who_left_the_advertiser(world: Any) -> None:
    """A mail that waited was once sent to whoever had been a member when it was written down."""
    await world.hear(disconnected(world))
    world.run("DELETE FROM gateway.memberships WHERE user_id = %s", world.people.admin)
    await world.send_all()

    assert recipients(await world.mails()) == ["owner@example.com"]
    states = {row["recipient_user_id"]: (row["state"], row["failure"]) for row in world.rows()}
    assert states[world.people.admin] == ("failed", "recipient_gone")


async def test_redaction_empties_what_mails_said_about_the_store(world: Any) -> None:
    await world.hear(disconnected(world))
    await world.send_all()

    await world.hear(
        ShopRedacted(
            store_id=17,
            advertiser_id=world.people.advertiser_id,
            shop_domain=SHOP,
            generation=2,
            redacted_at=datetime.now(UTC) + timedelta(seconds=1),
        )
    )

    assert [(row["state"], row["variables"]) for row in world.rows()] == [("sent", {}), ("sent", {})]


async def test_unreadable_event_is_rejected(world: Any) -> None:
    message = world.message(completed(world))._replace(value=b'{"store_id": 17}')

    with pytest.raises(Rejected, match="advertiser_id"):
        await world.hear(message)
