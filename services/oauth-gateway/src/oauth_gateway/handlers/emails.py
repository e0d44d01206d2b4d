"""Let members choose what they are told by e-mail, and owners see what became of it and have it sent once more."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from oauth_gateway.domain.access import Membership, User
from oauth_gateway.domain.emails import Email, Preference, preferences_of
from oauth_gateway.domain.lists import LISTED_MAX, Listed
from oauth_gateway.errors import NotFound
from oauth_gateway.handlers.context import Gateway
from oauth_gateway.store import emails, tables
from sync_common.bus import outbox
from sync_common.contracts.events import MailResendRequested
from sync_common.contracts.topics import OAUTH_GATEWAY
from sync_common.db import Transaction


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything the page of e-mails shows; the outbox is for owners alone."""

    preferences: Sequence[Preference]
    outbox: Listed[Email] | None


async def overview(gateway: Gateway, membership: Membership, user: User, *, before: int) -> Overview:
    """Read the page of e-mails."""
    advertiser_id = membership.advertiser_id
    async with gateway.database.transaction(advertiser_id=advertiser_id) as tx:
        wanted = await emails.wanted_kinds(tx, advertiser_id, user.id)
        listed = None
        if membership.sees_outbox:
            found = await emails.emails(tx, advertiser_id, before=before, rows_max=LISTED_MAX + 1)
            listed = Listed.of(found)
    return Overview(preferences_of(membership.role, wanted), listed)


async def choose(gateway: Gateway, membership: Membership, user: User, chosen: Collection[str]) -> None:
    """Switch a member's own e-mails on and off, as far as the member can: what is not offered stays as it is."""
    advertiser_id = membership.advertiser_id
    offered = [
        preference.kind
        for preference in preferences_of(membership.role, frozenset())
        if not preference.is_fixed
    ]
    async with gateway.database.transaction(advertiser_id=advertiser_id) as tx:
        await emails.set_wanted(tx, advertiser_id, user.id, {kind: kind in chosen for kind in offered})


async def to_resend(gateway: Gateway, membership: Membership, email_id: int) -> Email:
    """Return an e-mail that can be sent once more, or already was; raise NotFound for any other."""
    async with gateway.database.transaction(advertiser_id=membership.advertiser_id) as tx:
        return await _to_resend(tx, membership.advertiser_id, email_id)


async def resend(gateway: Gateway, membership: Membership, user: User, email_id: int) -> Email:
    """Have an e-mail sent once more unless it already was; return it as it is. The notifier sees to the second."""
    advertiser_id = membership.advertiser_id
    async with gateway.database.transaction(advertiser_id=advertiser_id) as tx:
        email = await _to_resend(tx, advertiser_id, email_id)
        if email.can_resend:
            wish = MailResendRequested(
                user_id=email.recipient.user_id,
                advertiser_id=advertiser_id,
                email_id=email_id,
                requested_by_user_id=user.id,
            )
            await outbox.publish(tx, tables.outbox, wish, source=OAUTH_GATEWAY, now=gateway.clock.now())
    return email


async def _to_resend(tx: Transaction, advertiser_id: int, email_id: int) -> Email:
    email = await emails.email(tx, advertiser_id, email_id)
    if email is None or not (email.can_resend or email.resent_at):
        raise NotFound("email")
    return email
