"""Mail that carries a secret: sealed for the notifier, and owed by the transaction that keeps its hash."""

import base64

from oauth_gateway.handlers.context import Gateway
from oauth_gateway.store import tables
from sync_common.bus import outbox
from sync_common.contracts.events.mail import MailRequest
from sync_common.contracts.topics import OAUTH_GATEWAY
from sync_common.db import Transaction


def sealed_token(gateway: Gateway, request: type[MailRequest], user_id: int, token: str) -> str:
    """Return a token that only the notifier reads, and only in this kind of mail to this user."""
    sealed = gateway.keys.seal(token.encode(), context=request.sealing_context(user_id))
    return base64.urlsafe_b64encode(sealed).decode()


async def publish(gateway: Gateway, tx: Transaction, request: MailRequest) -> None:
    """Have a mail sent if and only if the transaction commits."""
    await outbox.publish(tx, tables.outbox, request, source=OAUTH_GATEWAY, now=gateway.clock.now())
