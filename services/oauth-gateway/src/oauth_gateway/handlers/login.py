"""Log in, log out, and who a request comes from."""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from oauth_gateway.domain.access import Membership, Role, User
from oauth_gateway.domain.accounts import PASSWORD_LENGTH_MAX
from oauth_gateway.domain.secrets import secret_hash
from oauth_gateway.domain.throttle import WINDOW, Bucket, buckets
from oauth_gateway.errors import NotFound, NotLoggedIn, WrongCredentials
from oauth_gateway.handlers.context import Gateway
from oauth_gateway.handlers.throttling import count_attempt
from oauth_gateway.store import accounts
from sync_common.db import Database, Transaction

SESSION_LIFETIME: Final = timedelta(days=7)

_hasher = PasswordHasher()
_NOBODYS_HASH: Final = _hasher.hash("")  # checked when the e-mail is unknown: the time must not tell
# A hash takes 64 MiB: a burst of log-ins waits for a thread instead of filling the memory.
_hashers: Final = ThreadPoolExecutor(2, thread_name_prefix="argon2")


@dataclass(frozen=True, slots=True)
class Visit:
    """A request with a live session."""

    token: str
    user: User
    memberships: Sequence[Membership]
    toast: Mapping[str, Any] | None = None

    @property
    def token_hash(self) -> bytes:
        """Return the session's key in the database."""
        return secret_hash(self.token)

    def member_of(self, slug: str) -> Membership:
        """Return the membership in this advertiser; raise NotFound for any other."""
        for membership in self.memberships:
            if membership.slug == slug:
                return membership
        raise NotFound("advertiser")


async def visit(gateway: Gateway, token: str | None) -> Visit:
    """Return who a session cookie belongs to; raise NotLoggedIn when it opens nothing."""
    if not token:
        raise NotLoggedIn
    async with gateway.database.transaction() as tx:
        session = await accounts.session_by_hash(tx, secret_hash(token), gateway.clock.now())
        if session is None:
            raise NotLoggedIn
        memberships = await accounts.memberships_of(tx, session.user.id)
    return Visit(token, session.user, memberships, session.toast)


async def log_in(gateway: Gateway, *, email: str, password: str, address: str) -> str:
    """Check a password and open a session; return its secret for the cookie."""
    email = email.strip().lower()
    counted = buckets(email, address)
    await _count_guess(gateway, counted)
    async with gateway.database.transaction() as tx:
        stored = await accounts.user_by_email(tx, email)
    known_hash = stored.password_hash if stored else _NOBODYS_HASH
    right = await _is_right(known_hash, password)
    if stored is None or not right:
        raise WrongCredentials
    return await _open_session(gateway, stored, password, counted)


async def log_out(gateway: Gateway, token: str) -> None:
    """End a session."""
    async with gateway.database.transaction() as tx:
        await accounts.close_session(tx, secret_hash(token))


async def create_user(
    database: Database, *, email: str, password: str, name: str, advertiser: str, slug: str, role: Role
) -> int:
    """Create or update a user and make them a member of an advertiser, founded where there is none."""
    hashed = await hash_password(password)
    async with database.transaction() as tx:
        user_id = await accounts.upsert_user(tx, email=email.strip().lower(), name=name, password_hash=hashed)
        advertiser_id = await accounts.found_advertiser(tx, slug=slug, name=advertiser)
    async with database.transaction(advertiser_id=advertiser_id) as tx:
        await accounts.set_membership(tx, advertiser_id=advertiser_id, user_id=user_id, role=role)
    return user_id


async def keep_toast(gateway: Gateway, token_hash: bytes, toast: Mapping[str, Any] | None) -> None:
    """Keep a message for the session's next page, or forget the one that was shown."""
    async with gateway.database.transaction() as tx:
        await accounts.set_toast(tx, token_hash, toast)


async def _count_guess(gateway: Gateway, counted: tuple[Bucket, ...]) -> None:
    """Take every guess for a wrong one until it proves right: parallel guesses must not outrun the count."""
    async with gateway.database.transaction() as tx:
        await count_attempt(tx, counted, now=gateway.clock.now(), window=WINDOW)


async def begin_session(gateway: Gateway, tx: Transaction, user_id: int) -> str:
    """Open a session; return its secret for the cookie."""
    token, now = gateway.new_token(), gateway.clock.now()
    await accounts.open_session(
        tx, token_hash=secret_hash(token), user_id=user_id, now=now, expires_at=now + SESSION_LIFETIME
    )
    return token


async def _open_session(
    gateway: Gateway, stored: accounts.StoredUser, password: str, counted: tuple[Bucket, ...]
) -> str:
    rehashed = await hash_password(password) if _hasher.check_needs_rehash(stored.password_hash) else None
    async with gateway.database.transaction() as tx:
        if await accounts.user_by_email(tx, stored.user.email, for_update=True) != stored:
            raise WrongCredentials  # the password was changed while this one was checked
        if rehashed:
            await accounts.set_password_hash(tx, stored.user.id, rehashed)
        await accounts.forget_guess(
            tx, [bucket.key for bucket in counted], cleared=counted[0].key, now=gateway.clock.now()
        )
        return await begin_session(gateway, tx, stored.user.id)


async def _is_right(password_hash: str, password: str) -> bool:
    if len(password) > PASSWORD_LENGTH_MAX:
        return False
    return await asyncio.get_running_loop().run_in_executor(_hashers, _verify, password_hash, password)


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


async def hash_password(password: str) -> str:
    """Return what is kept of a password."""
    return await asyncio.get_running_loop().run_in_executor(_hashers, _hasher.hash, password)
