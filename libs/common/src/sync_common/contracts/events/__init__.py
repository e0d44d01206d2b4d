"""One pydantic model per event or command; `EVENTS` is the registry by CloudEvents type."""

from sync_common.contracts.events.base import Event
from sync_common.contracts.events.commands import (
    BackfillRequested,
    CheckRequested,
    DeletionDecision,
    DeletionsDecided,
    RefetchRequested,
    SyncCancelRequested,
    SyncRequested,
)
from sync_common.contracts.events.dead_letters import DeadLetterBodyViewed, DeadLetterReplayed
from sync_common.contracts.events.lifecycle import (
    ShopRedacted,
    StoreConnected,
    StoreDisconnected,
    SyncCancelled,
    SyncCompleted,
    SyncExhausted,
    SyncFailed,
    SyncStarted,
    WebhooksRepaired,
)
from sync_common.contracts.events.mail import (
    InvitationMailRequested,
    MailResendRequested,
    PasswordResetMailRequested,
)

EVENTS: dict[str, type[Event]] = {
    model.type_name(): model
    for model in (
        BackfillRequested,
        CheckRequested,
        DeadLetterBodyViewed,
        DeadLetterReplayed,
        DeletionsDecided,
        InvitationMailRequested,
        MailResendRequested,
        PasswordResetMailRequested,
        RefetchRequested,
        ShopRedacted,
        StoreConnected,
        StoreDisconnected,
        SyncCancelRequested,
        SyncCancelled,
        SyncCompleted,
        SyncExhausted,
        SyncFailed,
        SyncRequested,
        SyncStarted,
        WebhooksRepaired,
    )
}

__all__ = [
    "EVENTS",
    "BackfillRequested",
    "CheckRequested",
    "DeadLetterBodyViewed",
    "DeadLetterReplayed",
    "DeletionDecision",
    "DeletionsDecided",
    "Event",
    "InvitationMailRequested",
    "MailResendRequested",
    "PasswordResetMailRequested",
    "RefetchRequested",
    "ShopRedacted",
    "StoreConnected",
    "StoreDisconnected",
    "SyncCancelRequested",
    "SyncCancelled",
    "SyncCompleted",
    "SyncExhausted",
    "SyncFailed",
    "SyncRequested",
    "SyncStarted",
    "WebhooksRepaired",
]
