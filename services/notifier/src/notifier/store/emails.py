"""Mails owed: written once, leased to one sender at a time, settled."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from notifier.domain.mail import Mail, Template
from notifier.domain.recipients import Recipient, Role
from notifier.domain.sending import Next, State
from notifier.store.tables import emails, recipients_v1, users_v1
from sync_common.db import Transaction, load_sql

KEEP_SETTLED: Final = timedelta(days=90)
_PRUNED_MAX: Final = 1_000
_PACKAGE: Final = "notifier.store"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A mail under this sender's lease; `now` is the database's."""

    advertiser_id: int
    email_id: int
    store_id: int | None
    event_id: str
    template: Template
    recipient_user_id: int
    variables: dict[str, Any]
    sealed_token: str | None
    token_expires_at: datetime | None
    idempotency_key: str
    attempts: int
    first_attempted_at: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class Backlog:
    """What still waits to be sent."""

    pending: int
    oldest_due_seconds: float


async def members_of(tx: Transaction, advertiser_id: int) -> list[Recipient]:
    """Return an advertiser's members with their wishes."""
    view = recipients_v1.c
    rows = await tx.execute(
        select(
            view.user_id,
            view.role,
            view.advertiser_slug,
            view.notify_sync_complete,
            view.notify_sync_failed,
            view.notify_store_disconnected,
        )
        .where(view.advertiser_id == advertiser_id)
        .order_by(view.user_id)
    )
    return [Recipient(**{**row._mapping, "role": Role(row.role)}) for row in rows]


async def address_of(tx: Transaction, mail: Claimed) -> str | None:
    """Return the recipient's e-mail address as it is now, or None when there is no such user.

    Mail about a store is its advertiser's business, so it has an address only while the recipient is a member.
    """
    if mail.store_id is None:
        wanted = select(users_v1.c.email).where(users_v1.c.user_id == mail.recipient_user_id)
    else:
        wanted = select(recipients_v1.c.email).where(
            recipients_v1.c.advertiser_id == mail.advertiser_id,
            recipients_v1.c.user_id == mail.recipient_user_id,
        )
    found: str | None = await tx.scalar(wanted)
    return found


async def owe(tx: Transaction, mails: Sequence[Mail]) -> int:
    """Write down the mails of an event; return how many were not yet there."""
    if not mails:
        return 0
    written = await tx.execute(
        insert(emails)
        .values(
            [
                {
                    "advertiser_id": mail.advertiser_id,
                    "store_id": mail.store_id,
                    "event_id": mail.event_id,
                    "template": mail.template,
                    "recipient_user_id": mail.recipient_user_id,
                    "variables": mail.variables,
                    "sealed_token": mail.sealed_token,
                    "token_expires_at": mail.token_expires_at,
                    "idempotency_key": mail.idempotency_key,
                }
                for mail in mails
            ]
        )
        # Of either unique key: of two replicas at once, one may first meet the other at the idempotency key.
        .on_conflict_do_nothing()
        .returning(emails.c.email_id)
    )
    return len(written.all())


async def claim(tx: Transaction, *, owner: str, lease_seconds: float) -> Claimed | None:
    """Lease the mail that is due longest, if any."""
    found = await tx.execute(load_sql(_PACKAGE, "claim"), {"owner": owner, "lease_seconds": lease_seconds})
    row = found.one_or_none()
    return Claimed(**{**row._mapping, "template": Template(row.template)}) if row else None


async def take_turn(tx: Transaction, *, spacing_seconds: float) -> float:
    """Take the next free moment for a call to Loops; return in how many seconds it comes.

    Calls are `spacing_seconds` apart over all replicas. Moments that nobody took are not made up for.
    """
    row = (await tx.execute(load_sql(_PACKAGE, "take_turn"), {"spacing_seconds": spacing_seconds})).one()
    return max(0.0, float(row.wait_seconds))


async def settle(tx: Transaction, mail: Claimed, outcome: Next, *, owner: str) -> None:
    """Record what became of a mail under this owner's lease."""
    await tx.execute(
        load_sql(_PACKAGE, "settle"),
        {
            "advertiser_id": mail.advertiser_id,
            "email_id": mail.email_id,
            "owner": owner,
            "state": outcome.state,
            "failure": outcome.failure,
            "attempts_added": int(outcome.counts_as_attempt),
            "delay_seconds": outcome.delay_seconds,
        },
    )


async def take_to_resend(tx: Transaction, advertiser_id: int, email_id: int, *, event_id: str) -> Mail | None:
    """Mark a mail as sent once more and return the one that does it, owed to the same person by `event_id`.

    None where the mail is not to be resent (any more): of two people who press the button, the first one wins.
    """
    taken = await tx.execute(
        update(emails)
        .where(emails.c.advertiser_id == advertiser_id, emails.c.email_id == email_id, emails.c.can_resend)
        .values(resent_at=func.clock_timestamp(), updated_at=func.clock_timestamp())
        .returning(emails.c.template, emails.c.recipient_user_id, emails.c.store_id, emails.c.variables)
    )
    row = taken.one_or_none()
    if row is None:
        return None
    return Mail(
        event_id=event_id,
        template=Template(row.template),
        recipient_user_id=row.recipient_user_id,
        variables=row.variables,
        advertiser_id=advertiser_id,
        store_id=row.store_id,
    )


async def forget_store(tx: Transaction, advertiser_id: int, store_id: int, until: datetime) -> None:
    """Empty what settled mails said about a store until then; that they were sent is kept."""
    await tx.execute(
        update(emails)
        .where(
            emails.c.advertiser_id == advertiser_id,
            emails.c.store_id == store_id,
            emails.c.created_at <= until,
            emails.c.state != State.PENDING,
        )
        .values(variables={}, updated_at=func.clock_timestamp())
    )


async def prune(tx: Transaction) -> int:
    """Delete some of the mails settled long ago; return how many."""
    old = (
        select(emails.c.advertiser_id, emails.c.email_id)
        .where(emails.c.state != State.PENDING, emails.c.updated_at < func.clock_timestamp() - KEEP_SETTLED)
        .limit(_PRUNED_MAX)
        .subquery()
    )
    deleted = await tx.execute(
        delete(emails)
        .where(emails.c.advertiser_id == old.c.advertiser_id, emails.c.email_id == old.c.email_id)
        .returning(emails.c.email_id)
    )
    return len(deleted.all())


async def backlog(tx: Transaction) -> Backlog:
    """Return what waits."""
    row = (await tx.execute(load_sql(_PACKAGE, "backlog"))).one()
    return Backlog(row.pending, float(row.oldest_due_seconds))
