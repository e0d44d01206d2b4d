"""Users, their sessions and memberships, and the count of failed log-ins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from oauth_gateway.domain.access import Membership, Role, User
from oauth_gateway.store.tables import memberships, sessions, users
from sync_common.db import Transaction, load_sql

_MEMBERSHIPS_OF = text("SELECT advertiser_id, slug, name, role FROM gateway.memberships_of(:user_id)")
_FOUND_ADVERTISER = text("SELECT gateway.found_advertiser(:slug, :name)")


@dataclass(frozen=True, slots=True)
class StoredUser:
    """A user as log-in needs it."""

    user: User
    password_hash: str


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A live session and the toast it still owes."""

    user: User
    token_hash: bytes
    toast: Mapping[str, Any] | None


async def user_by_email(tx: Transaction, email: str, *, for_update: bool = False) -> StoredUser | None:
    """Return the user with this lower-cased e-mail, locked against others who ask so if wished.

    Who was invited and has no password yet is nobody here: there is nothing to log in with, and nothing to forget.
    """
    statement = select(users).where(users.c.email == email, users.c.password_hash.is_not(None))
    if for_update:
        statement = statement.with_for_update(key_share=True)
    row = (await tx.execute(statement)).one_or_none()
    return StoredUser(User(row.id, row.email, row.name), row.password_hash) if row is not None else None


async def upsert_user(tx: Transaction, *, email: str, name: str, password_hash: str) -> int:
    """Create the user, or give an existing one this name and password; return its id."""
    values = {"name": name, "password_hash": password_hash}
    statement = insert(users).values(email=email, **values)
    statement = statement.on_conflict_do_update(
        index_elements=[users.c.email], set_={**values, "updated_at": func.clock_timestamp()}
    )
    return int((await tx.execute(statement.returning(users.c.id))).scalar_one())


async def ensure_user(tx: Transaction, *, email: str, name: str) -> int:
    """Return the id of the user with this e-mail; where there is none, of a new one who cannot log in yet.

    A user who is there stays unlocked: whoever accepts an invitation locks it first and its user after.
    """
    statement = insert(users).values(email=email, name=name).on_conflict_do_nothing()
    new_id = (await tx.execute(statement.returning(users.c.id))).scalar_one_or_none()
    if new_id is not None:
        return int(new_id)
    return int((await tx.execute(select(users.c.id).where(users.c.email == email))).scalar_one())


async def register(tx: Transaction, user_id: int, *, name: str, password_hash: str) -> bool:
    """Give a user who was invited a name and a first password; False when they have one."""
    registered = await tx.execute(
        update(users)
        .where(users.c.id == user_id, users.c.password_hash.is_(None))
        .values(name=name, password_hash=password_hash, updated_at=func.clock_timestamp())
        .returning(users.c.id)
    )
    return registered.first() is not None


async def set_password_hash(tx: Transaction, user_id: int, password_hash: str) -> None:
    """Replace a password hash."""
    await tx.execute(update(users).where(users.c.id == user_id).values(password_hash=password_hash))


async def memberships_of(tx: Transaction, user_id: int) -> Sequence[Membership]:
    """Return the advertisers a user belongs to, by name."""
    rows = await tx.execute(_MEMBERSHIPS_OF, {"user_id": user_id})
    return [Membership(row.advertiser_id, row.slug, row.name, Role(row.role)) for row in rows]


async def found_advertiser(tx: Transaction, *, slug: str, name: str) -> int:
    """Return the id of the advertiser with this slug, founding it first where there is none."""
    return int((await tx.execute(_FOUND_ADVERTISER, {"slug": slug, "name": name})).scalar_one())


async def set_membership(tx: Transaction, *, advertiser_id: int, user_id: int, role: Role) -> None:
    """Make a user a member in this role."""
    statement = insert(memberships).values(advertiser_id=advertiser_id, user_id=user_id, role=role)
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=[memberships.c.advertiser_id, memberships.c.user_id], set_={"role": role}
        )
    )


async def open_session(
    tx: Transaction, *, token_hash: bytes, user_id: int, now: datetime, expires_at: datetime
) -> None:
    """Store a new session and forget the expired ones of this user."""
    await tx.execute(delete(sessions).where(sessions.c.user_id == user_id, sessions.c.expires_at <= now))
    await tx.execute(
        insert(sessions).values(token_hash=token_hash, user_id=user_id, created_at=now, expires_at=expires_at)
    )


async def replace_session(tx: Transaction, *, old_hash: bytes, new_hash: bytes) -> None:
    """Give a session a new id; the old one opens nothing any more."""
    await tx.execute(update(sessions).where(sessions.c.token_hash == old_hash).values(token_hash=new_hash))


async def close_session(tx: Transaction, token_hash: bytes) -> None:
    """End a session."""
    await tx.execute(delete(sessions).where(sessions.c.token_hash == token_hash))


async def close_sessions(tx: Transaction, user_id: int) -> None:
    """End every session of a user."""
    await tx.execute(delete(sessions).where(sessions.c.user_id == user_id))


async def session_by_hash(tx: Transaction, token_hash: bytes, now: datetime) -> StoredSession | None:
    """Return the live session with this id."""
    statement = (
        select(sessions.c.toast, users.c.id, users.c.email, users.c.name)
        .join(users, users.c.id == sessions.c.user_id)
        .where(sessions.c.token_hash == token_hash, sessions.c.expires_at > now)
    )
    row = (await tx.execute(statement)).one_or_none()
    return (
        StoredSession(User(row.id, row.email, row.name), token_hash, row.toast) if row is not None else None
    )


async def set_toast(tx: Transaction, token_hash: bytes, toast: Mapping[str, Any] | None) -> None:
    """Keep one message for the next page of this session, or forget it."""
    await tx.execute(update(sessions).where(sessions.c.token_hash == token_hash).values(toast=toast))


async def count_guess(
    tx: Transaction, buckets: Sequence[bytes], *, now: datetime, window_ends: datetime
) -> Mapping[bytes, int]:
    """Count one guess in each bucket and return the counts; other guesses of the same buckets wait for the end.

    A bucket begins anew where its last window is over.
    """
    parameters = {"buckets": list(buckets), "now": now, "window_ends": window_ends}
    rows = await tx.execute(load_sql(__package__, "count_guess"), parameters)
    return {bytes(row.bucket): row.failures for row in rows}


async def forget_guess(tx: Transaction, buckets: Sequence[bytes], *, cleared: bytes, now: datetime) -> None:
    """Take a guess that was right back out of its buckets, clearing one of them wholly."""
    parameters = {"buckets": list(buckets), "cleared": cleared, "now": now}
    await tx.execute(load_sql(__package__, "forget_guess"), parameters)
