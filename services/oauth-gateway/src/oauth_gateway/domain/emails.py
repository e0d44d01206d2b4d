"""What the page of e-mails says: which of them reach a member, and what became of those that are owed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from oauth_gateway.domain.access import Role
from oauth_gateway.domain.jobs import Status
from oauth_gateway.domain.words import Viewer, rough_time

_LATE: Final = timedelta(minutes=1)


class Kind(StrEnum):
    """A kind of e-mail about a store; the values are the columns that keep a member's wish."""

    SYNC_COMPLETE = "notify_sync_complete"
    SYNC_FAILED = "notify_sync_failed"
    STORE_DISCONNECTED = "notify_store_disconnected"

    @property
    def label(self) -> str:
        """Return its name."""
        return _KINDS[self]


_KINDS: Final = {
    Kind.SYNC_COMPLETE: "First sync complete",
    Kind.SYNC_FAILED: "Sync failed",
    Kind.STORE_DISCONNECTED: "Store disconnected",
}
_MEANINGS: Final = {
    Kind.SYNC_COMPLETE: "When the first sync of a store that you started is done.",
    Kind.SYNC_FAILED: "When a sync has failed and we no longer retry it by ourselves.",
    Kind.STORE_DISCONNECTED: "When a store is disconnected and its data stops.",
}
_OWNERS_MEANINGS: Final = {
    Kind.SYNC_COMPLETE: "When the first sync of a store is done, whoever started it.",
    Kind.STORE_DISCONNECTED: "As the owner you always get this one: data would stop unnoticed.",
}


@dataclass(frozen=True, slots=True)
class Preference:
    """A member's wish about one kind; a fixed one is on and cannot be switched off."""

    kind: Kind
    is_on: bool
    meaning: str
    is_fixed: bool = False


def preferences_of(role: Role, wanted: frozenset[Kind]) -> Sequence[Preference]:
    """Return what can reach a member in this role, as the member wants it."""
    is_owner = role is Role.OWNER
    meanings = {**_MEANINGS, **_OWNERS_MEANINGS} if is_owner else _MEANINGS
    fixed = {Kind.STORE_DISCONNECTED} if is_owner else frozenset()
    reaching = (Kind.SYNC_COMPLETE,) if role is Role.MEMBER else tuple(Kind)
    return [
        Preference(kind, kind in wanted or kind in fixed, meanings[kind], is_fixed=kind in fixed)
        for kind in reaching
    ]


@dataclass(frozen=True, slots=True)
class Recipient:
    """To whom an e-mail goes; whoever is no member has no name here."""

    user_id: int
    name: str | None
    address: str | None


@dataclass(frozen=True, slots=True)
class Email:
    """An e-mail owed to one person, and what became of it."""

    id: int
    template: str
    recipient: Recipient
    shop_domain: str | None
    state: str
    failure: str | None
    attempts: int
    created_at: datetime
    due_at: datetime
    sent_at: datetime | None
    resent_at: datetime | None
    can_resend: bool

    @property
    def subject(self) -> str:
        """Say what it is about."""
        return _SUBJECTS.get(self.template, "Email")

    @property
    def recipient_name(self) -> str:
        """Say to whom it goes."""
        if self.recipient.name is not None:
            return self.recipient.name
        return "Somebody invited" if self.template == _INVITATION else "Somebody who left"

    @property
    def may_have_arrived(self) -> bool:
        """Say whether nobody knows if it was sent."""
        return self.state == "unknown"

    @property
    def status_label(self) -> Status:
        """Return its state."""
        return _STATES[self.state]

    def outcome_words(self, viewer: Viewer) -> str:
        """Say what the state leaves open, such as why it failed; empty where there is nothing to add."""
        if self.state == "failed":
            return _FAILURES.get(self.failure or "", "It could not be sent.")
        if self.state == "unknown":
            return "The mail service never confirmed it within 23 hours; we did not risk sending it twice."
        if self.state == "pending":
            return f"Next try in {viewer.until(self.due_at)}." if self.attempts else ""
        late = (self.sent_at or self.created_at) - self.created_at
        return f"It went out {rough_time(late.total_seconds())} later." if late >= _LATE else ""


_INVITATION: Final = "advertiser_invitation"
_SUBJECTS: Final = {
    "shopify_sync_complete": Kind.SYNC_COMPLETE.label,
    "shopify_sync_failed": Kind.SYNC_FAILED.label,
    "shopify_store_disconnected": Kind.STORE_DISCONNECTED.label,
    _INVITATION: "Invitation",
}
_STATES: Final = {
    "pending": Status("idle", "Waiting"),
    "sent": Status("ok", "Sent"),
    "failed": Status("bad", "Failed"),
    "unknown": Status("warn", "May not have arrived"),
}
_FAILURES: Final = {
    "loops_400": "The mail service refused it (400).",
    "loops_401": "The mail service refused our key (401).",
    "loops_404": "The mail service does not know this mail's template (404).",
    "recipient_gone": "The recipient left.",
    "token_expired": "Its link expired before it could be sent.",
    "token_unreadable": "Its link could not be read.",
}
