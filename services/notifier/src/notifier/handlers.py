"""One function per event: decide who is owed which mail, and write it down."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from notifier.domain import mails
from notifier.domain.links import Links
from notifier.store import emails
from sync_common.bus import Done, Message, Outcome
from sync_common.contracts.events import (
    InvitationMailRequested,
    MailResendRequested,
    PasswordResetMailRequested,
    ShopRedacted,
    StoreDisconnected,
    SyncCompleted,
    SyncExhausted,
)
from sync_common.db import Transaction


async def on_message(message: Message, *, tx: Transaction, links: Links) -> Outcome:
    """Handle one fact or request; most facts call for no mail."""
    envelope = message.envelope()
    handler = _HANDLERS.get(envelope.type)
    if handler is not None:
        await handler(_Context(tx, links, envelope.id), message)
    return Done()


@dataclass(frozen=True, slots=True)
class _Context:
    tx: Transaction
    links: Links
    event_id: str


async def _on_sync_completed(context: _Context, message: Message) -> None:
    event = message.event(SyncCompleted)
    members = await emails.members_of(context.tx, event.advertiser_id)
    await emails.owe(context.tx, mails.of_sync_completed(event, context.event_id, members, context.links))


async def _on_sync_exhausted(context: _Context, message: Message) -> None:
    event = message.event(SyncExhausted)
    members = await emails.members_of(context.tx, event.advertiser_id)
    await emails.owe(context.tx, mails.of_sync_exhausted(event, context.event_id, members, context.links))


async def _on_store_disconnected(context: _Context, message: Message) -> None:
    event = message.event(StoreDisconnected)
    members = await emails.members_of(context.tx, event.advertiser_id)
    await emails.owe(context.tx, mails.of_store_disconnected(event, context.event_id, members, context.links))


async def _on_shop_redacted(context: _Context, message: Message) -> None:
    event = message.event(ShopRedacted)
    await emails.forget_store(context.tx, event.advertiser_id, event.store_id, event.redacted_at)


async def _on_invitation(context: _Context, message: Message) -> None:
    event = message.event(InvitationMailRequested)
    await emails.owe(context.tx, [mails.of_invitation(event, context.event_id)])


async def _on_password_reset(context: _Context, message: Message) -> None:
    event = message.event(PasswordResetMailRequested)
    await emails.owe(context.tx, [mails.of_password_reset(event, context.event_id)])


async def _on_resend(context: _Context, message: Message) -> None:
    event = message.event(MailResendRequested)
    mail = await emails.take_to_resend(
        context.tx, event.advertiser_id, event.email_id, event_id=context.event_id
    )
    if mail is not None:
        await emails.owe(context.tx, [mail])


_HANDLERS: Final[dict[str, Callable[[_Context, Message], Awaitable[None]]]] = {
    SyncCompleted.TYPE: _on_sync_completed,
    SyncExhausted.TYPE: _on_sync_exhausted,
    StoreDisconnected.TYPE: _on_store_disconnected,
    ShopRedacted.TYPE: _on_shop_redacted,
    InvitationMailRequested.TYPE: _on_invitation,
    MailResendRequested.TYPE: _on_resend,
    PasswordResetMailRequested.TYPE: _on_password_reset,
}
