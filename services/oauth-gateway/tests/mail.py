"""What the gateway owes the notifier, read as the notifier reads it."""

import base64
import json
from typing import Any

from sync_common.contracts.events import InvitationMailRequested, PasswordResetMailRequested
from sync_common.contracts.events.mail import MailRequest

from .conftest import KEYS
from .seed import Seed

_PAGES: dict[type[MailRequest], str] = {
    InvitationMailRequested: "/invitations/",
    PasswordResetMailRequested: "/password/reset/",
}


def mails(seed: Seed) -> list[dict[str, Any]]:
    """Return the mail requests in the outbox, oldest first."""
    rows = seed.connection.execute(
        "SELECT body FROM gateway.outbox WHERE topic = 'mail.requested.v1' ORDER BY id"
    ).fetchall()
    return [json.loads(body) for (body,) in rows]


def last_link(seed: Seed, request: type[MailRequest]) -> str:
    """Return the page that the last mail leads to."""
    mail = mails(seed)[-1]
    sealed = base64.urlsafe_b64decode(mail["sealed_token"])
    return _PAGES[request] + KEYS.open(sealed, context=request.sealing_context(mail["user_id"])).decode()
