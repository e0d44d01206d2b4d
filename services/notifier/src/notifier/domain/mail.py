"""A mail owed, before anybody's address is known."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Final

ACCOUNT: Final = 0
"""The advertiser of mail about a user's own account: none."""

Variables = dict[str, str | int]


class Template(StrEnum):
    """Our mails by the names of the requirements; settings map each to Loops' opaque id."""

    SYNC_COMPLETE = "shopify_sync_complete"
    SYNC_FAILED = "shopify_sync_failed"
    STORE_DISCONNECTED = "shopify_store_disconnected"
    INVITATION = "advertiser_invitation"
    PASSWORD_RESET = "password_reset"  # noqa: S105 - a template's name


@dataclass(frozen=True, slots=True)
class Mail:
    """One e-mail to one user about one event. `variables` hold no secret: that stays in `sealed_token`."""

    event_id: str
    template: Template
    recipient_user_id: int
    variables: Variables
    advertiser_id: int = ACCOUNT
    store_id: int | None = None
    sealed_token: str | None = None
    token_expires_at: datetime | None = None

    @property
    def idempotency_key(self) -> str:
        """Return what makes Loops accept this mail once; it takes at most 100 characters."""
        named = f"{self.event_id}\n{self.template}\n{self.recipient_user_id}"
        return f"mail-{sha256(named.encode()).hexdigest()}"
