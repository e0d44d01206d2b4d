"""Opens the one secret a mail may carry, at the moment it is sent."""

import base64
import binascii
from datetime import datetime
from typing import Final

from notifier.domain.durations import in_words
from notifier.domain.links import Links
from notifier.domain.mail import Template, Variables
from notifier.errors import TokenExpired, TokenUnreadable
from sync_common.contracts.events import InvitationMailRequested, PasswordResetMailRequested
from sync_common.contracts.events.mail import MailRequest
from sync_common.runtime import KeyRing, SealBroken

_REQUESTS: Final[dict[Template, type[MailRequest]]] = {
    Template.INVITATION: InvitationMailRequested,
    Template.PASSWORD_RESET: PasswordResetMailRequested,
}


def secret_variables(
    template: Template,
    *,
    user_id: int,
    sealed_token: str | None,
    expires_at: datetime | None,
    now: datetime,
    keys: KeyRing,
    links: Links,
) -> Variables:
    """Return the variables that hold a secret link; raise Unsendable when it would not work."""
    request = _REQUESTS.get(template)
    if request is None:
        return {}
    if expires_at is None or expires_at <= now:
        raise TokenExpired(f"{template}: the token has expired")
    token = _opened(sealed_token, keys, request.sealing_context(user_id))
    valid_for = in_words((expires_at - now).total_seconds())
    if template is Template.INVITATION:
        return {"accept_url": links.invitation(token), "valid_for": valid_for}
    return {"reset_url": links.password_reset(token), "valid_for": valid_for}


def _opened(sealed: str | None, keys: KeyRing, context: str) -> str:
    try:
        return keys.open(base64.urlsafe_b64decode(sealed or ""), context=context).decode()
    except (SealBroken, binascii.Error, ValueError):
        raise TokenUnreadable("the sealed token does not open") from None
