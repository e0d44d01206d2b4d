"""Which mails an event owes. Variables are exactly those of the requirements."""

from collections.abc import Sequence
from typing import Final

from notifier.domain import recipients
from notifier.domain.durations import in_words
from notifier.domain.links import Links
from notifier.domain.mail import Mail, Template
from notifier.domain.recipients import Recipient
from sync_common.contracts.events import (
    InvitationMailRequested,
    PasswordResetMailRequested,
    StoreDisconnected,
    SyncCompleted,
    SyncExhausted,
)
from sync_common.contracts.events.lifecycle import DisconnectReason, ResourceCounts
from sync_common.contracts.resources import Resource

REASONS: Final = {
    DisconnectReason.TOKEN_EXPIRED: "OAuth token expired",
    DisconnectReason.APP_UNINSTALLED: (
        "App uninstalled. Shopify will ask us to erase your store's personal data in 48 hours, "
        "unless you reconnect before then."
    ),
    DisconnectReason.API_ERROR: "API error",
    # Its doer knows already, the others do not: data stops without anything being broken, and a stranger in
    # somebody's session must not be able to stop it quietly. So this mail goes out like the others.
    DisconnectReason.USER_REQUESTED: "Disconnected by a member of your team",
}


def of_sync_completed(
    event: SyncCompleted, event_id: str, members: Sequence[Recipient], links: Links
) -> list[Mail]:
    """Tell of a store's first complete sync; later ones make no mail."""
    if not event.is_first_sync:
        return []
    return [
        Mail(
            event_id=event_id,
            template=Template.SYNC_COMPLETE,
            recipient_user_id=member.user_id,
            advertiser_id=event.advertiser_id,
            store_id=event.store_id,
            variables={
                "shop_name": event.shop_domain,
                "customers_synced": _synced(event, Resource.CUSTOMERS),
                "orders_synced": _synced(event, Resource.ORDERS),
                "products_synced": _synced(event, Resource.PRODUCTS),
                "duration": in_words(event.duration_seconds),
                "view_url": links.integration(member.advertiser_slug),
            },
        )
        for member in recipients.of_sync_complete(members, event.triggered_by_user_id)
    ]


def of_sync_exhausted(
    event: SyncExhausted, event_id: str, members: Sequence[Recipient], links: Links
) -> list[Mail]:
    """Tell of a sync that failed for good: a person must act."""
    return [
        Mail(
            event_id=event_id,
            template=Template.SYNC_FAILED,
            recipient_user_id=member.user_id,
            advertiser_id=event.advertiser_id,
            store_id=event.store_id,
            variables={
                "shop_name": event.shop_domain,
                "error_message": event.error_message,
                "retry_url": links.store(member.advertiser_slug, event.store_id),
                "support_url": links.support_url,
            },
        )
        for member in recipients.of_sync_failed(members)
    ]


def of_store_disconnected(
    event: StoreDisconnected, event_id: str, members: Sequence[Recipient], links: Links
) -> list[Mail]:
    """Tell of a store that is no longer read, and why."""
    return [
        Mail(
            event_id=event_id,
            template=Template.STORE_DISCONNECTED,
            recipient_user_id=member.user_id,
            advertiser_id=event.advertiser_id,
            store_id=event.store_id,
            variables={
                "shop_name": event.shop_domain,
                "reason": REASONS[event.reason],
                "reconnect_url": links.reconnect(member.advertiser_slug, event.shop_domain),
            },
        )
        for member in recipients.of_store_disconnected(members)
    ]


def of_invitation(event: InvitationMailRequested, event_id: str) -> Mail:
    """Invite a user to an advertiser; nobody can switch off mail that they are needed for."""
    return Mail(
        event_id=event_id,
        template=Template.INVITATION,
        recipient_user_id=event.user_id,
        advertiser_id=event.advertiser_id,
        variables={"advertiser_name": event.advertiser_name, "invited_by_name": event.invited_by_name},
        sealed_token=event.sealed_token,
        token_expires_at=event.expires_at,
    )


def of_password_reset(event: PasswordResetMailRequested, event_id: str) -> Mail:
    """Send a user the link that takes a new password."""
    return Mail(
        event_id=event_id,
        template=Template.PASSWORD_RESET,
        recipient_user_id=event.user_id,
        variables={},
        sealed_token=event.sealed_token,
        token_expires_at=event.expires_at,
    )


def _synced(event: SyncCompleted, resource: Resource) -> int:
    """Return how many records are now as Shopify has them."""
    counts = event.counts.get(resource, ResourceCounts())
    return counts.created + counts.updated + counts.unchanged
