"""Mail asked for by people's actions in the web UI, on `mail.requested.v1`. Secrets travel sealed."""

from datetime import datetime
from typing import ClassVar

from pydantic import Field

from sync_common.contracts.events.base import Event

HOW_IT_IS_SEALED = "base64url(seal(secret, context=sealing_context(user_id))); only the notifier opens it."


class MailRequest(Event):
    """Any mail to one user."""

    TOPIC: ClassVar[str] = "mail.requested.v1"

    user_id: int

    def key(self) -> str:
        """Order all mail of a user."""
        return f"user/{self.user_id}"

    def subject(self) -> str:
        """Name the user."""
        return f"user/{self.user_id}"

    @classmethod
    def sealing_context(cls, user_id: int) -> str:
        """Return what a sealed token is bound to: moved to another user or kind of mail, it does not open."""
        return f"{cls.TYPE}/user/{user_id}"


class InvitationMailRequested(MailRequest):
    """A member invited a user to an advertiser."""

    TYPE: ClassVar[str] = "mail.invitation_requested"

    advertiser_id: int
    advertiser_name: str
    invited_by_name: str
    sealed_token: str = Field(description=HOW_IT_IS_SEALED)
    expires_at: datetime


class PasswordResetMailRequested(MailRequest):
    """A user asked for a new password."""

    TYPE: ClassVar[str] = "mail.password_reset_requested"

    sealed_token: str = Field(description=HOW_IT_IS_SEALED)
    expires_at: datetime


class MailResendRequested(MailRequest):
    """A person asked to send a mail once more that failed or may not have arrived; the user is its recipient."""

    TYPE: ClassVar[str] = "mail.resend_requested"

    advertiser_id: int
    email_id: int
    requested_by_user_id: int
