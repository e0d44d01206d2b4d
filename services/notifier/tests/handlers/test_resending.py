"""A person has a mail sent once more: as a mail of its own, once, and only where that is possible."""

import asyncio
from typing import Any

import pytest

from sync_common.contracts.events import MailResendRequested

from .test_mails import completed, lose_sight_of, reset


def resend(world: Any, row: dict[str, Any]) -> MailResendRequested:
    return MailResendRequested(
        user_id=row["recipient_user_id"],
        advertiser_id=row["advertiser_id"],
        email_id=row["email_id"],
        requested_by_user_id=world.people.owner,
    )


async def test_failed_mail_is_sent_once_more_when_a_person_asks(world: Any) -> None:
    await world.fault("refuse")
    await world.hear(completed(world))
    await world.send_all()
    (failed,) = world.rows()
    assert (failed["state"], failed["can_resend"]) == ("failed", True)

    message = world.message(resend(world, failed))
    await world.hear(message, times=10)
    await asyncio.gather(*(world.hear(message) for _ in range(10)))
    await world.hear(resend(world, failed))  # somebody else, in the same moment
    await world.send_all()

    (mail,) = await world.mails()
    assert (mail["email"], mail["variables"]) == ("owner@example.com", failed["variables"])
    before, after = world.rows()
    assert [(row["state"], row["can_resend"]) for row in (before, after)] == [
        ("failed", False),
        ("sent", False),
    ]
    assert before["resent_at"] is not None
    assert before["idempotency_key"] != after["idempotency_key"]


async def test_mail_that_may_have_arrived_is_resent_by_a_person_alone(world: Any) -> None:
    await lose_sight_of(world)
    (unknown,) = world.rows()
    assert (unknown["state"], len(await world.mails())) == ("unknown", 1)

    await world.hear(resend(world, unknown))
    await world.send_all()

    assert len(await world.mails()) == 2


@pytest.mark.parametrize("ask_for", ["sent", "pending", "foreign", "redacted"])
async def test_mail_that_is_not_to_be_resent_stays_as_it_is(world: Any, ask_for: str) -> None:
    await world.hear(completed(world))
    if ask_for != "pending":
        await world.send_all()
    if ask_for in ("foreign", "redacted"):
        world.run("UPDATE notify.emails SET state = 'failed', sent_at = NULL")
    if ask_for == "redacted":
        world.run("UPDATE notify.emails SET variables = '{}'")
    (row,) = world.rows()

    await world.hear(resend(world, {**row, "advertiser_id": 4711} if ask_for == "foreign" else row))

    assert world.rows() == [row]


async def test_link_that_was_forgotten_is_not_sent_again(world: Any, keys: Any) -> None:
    await world.fault("refuse")
    await world.hear(reset(world, keys))
    await world.send_all()
    (row,) = world.rows()

    await world.hear(resend(world, row))

    assert (row["state"], row["can_resend"], len(world.rows())) == ("failed", False, 1)
