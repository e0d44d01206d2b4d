"""A new password for whoever forgot theirs: by a link in a mail that works once, for an hour."""

from datetime import timedelta
from typing import Final

from oauth_gateway.domain.accounts import PASSWORD_RULE, is_fit_password
from oauth_gateway.domain.secrets import secret_hash
from oauth_gateway.domain.throttle import MAIL_WINDOW, buckets, reset_buckets
from oauth_gateway.errors import InvalidInput, ResetExpired
from oauth_gateway.handlers import login, mail
from oauth_gateway.handlers.context import Gateway
from oauth_gateway.handlers.throttling import count_attempt
from oauth_gateway.store import accounts, password_resets
from sync_common.contracts.events import PasswordResetMailRequested
from sync_common.db import Transaction

LIFETIME: Final = timedelta(hours=1)
OPEN_MAX: Final = 3  # a link works for an hour, so this is also how many mails an hour an account gets


async def ask(gateway: Gateway, *, email: str, address: str) -> None:
    """Have a link mailed to the user with this e-mail; where there is none, nothing tells.

    Both cases are one transaction that counts the wish, and neither hashes anything: the time must not tell either.
    """
    now = gateway.clock.now()
    async with gateway.database.transaction() as tx:
        await count_attempt(tx, reset_buckets(address), now=now, window=MAIL_WINDOW)
        # locked, or parallel wishes outrun the limit
        stored = await accounts.user_by_email(tx, email, for_update=True)
        if stored and await password_resets.count_open(tx, stored.user.id, now) < OPEN_MAX:
            await _send_link(gateway, tx, stored.user.id)


async def email_of(gateway: Gateway, token: str) -> str:
    """Return whose password a link changes; raise ResetExpired when it does not work.

    A look at a link never uses it up: scanners of mail look, too.
    """
    async with gateway.database.transaction() as tx:
        email = await password_resets.email_of(tx, secret_hash(token), gateway.clock.now())
    if email is None:
        raise ResetExpired
    return email


async def finish(gateway: Gateway, token: str, *, password: str, address: str) -> None:
    """Use a link up for a new password; whoever knew the old one is logged out everywhere."""
    email = await email_of(gateway, token)  # a hash is dear: strangers get none
    if not is_fit_password(password):
        raise InvalidInput(PASSWORD_RULE)
    hashed = await login.hash_password(password)
    async with gateway.database.transaction() as tx:
        # the user first, or two links that are used at once wait for each other
        await accounts.user_by_email(tx, email, for_update=True)
        now = gateway.clock.now()
        user_id = await password_resets.take(tx, secret_hash(token), now)
        if user_id is None:
            raise ResetExpired
        await accounts.set_password_hash(tx, user_id, hashed)
        await accounts.close_sessions(tx, user_id)
        await password_resets.forget(tx, user_id)
        # who forgot a password has guessed from here before, which must not pause the log-in now
        pair = buckets(email, address)[0].key
        await accounts.forget_guess(tx, [pair], cleared=pair, now=now)


async def _send_link(gateway: Gateway, tx: Transaction, user_id: int) -> None:
    token, now = gateway.new_token(), gateway.clock.now()
    expires_at = now + LIFETIME
    await password_resets.begin(
        tx, token_hash=secret_hash(token), user_id=user_id, now=now, expires_at=expires_at
    )
    sealed = mail.sealed_token(gateway, PasswordResetMailRequested, user_id, token)
    request = PasswordResetMailRequested(user_id=user_id, sealed_token=sealed, expires_at=expires_at)
    await mail.publish(gateway, tx, request)
