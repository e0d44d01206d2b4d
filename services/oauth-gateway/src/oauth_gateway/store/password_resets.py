"""Links that were mailed to people who forgot their password."""

from datetime import datetime

from sqlalchemy import delete, func, insert, select

from oauth_gateway.store.tables import password_resets, users
from sync_common.db import Transaction


async def begin(
    tx: Transaction, *, token_hash: bytes, user_id: int, now: datetime, expires_at: datetime
) -> None:
    """Remember a mailed link; forget those that nobody used."""
    await tx.execute(delete(password_resets).where(password_resets.c.expires_at <= now))
    await tx.execute(
        insert(password_resets).values(token_hash=token_hash, user_id=user_id, expires_at=expires_at)
    )


async def count_open(tx: Transaction, user_id: int, now: datetime) -> int:
    """Return how many links of a user still work."""
    statement = (
        select(func.count())
        .select_from(password_resets)
        .where(password_resets.c.user_id == user_id, password_resets.c.expires_at > now)
    )
    return int((await tx.execute(statement)).scalar_one())


async def email_of(tx: Transaction, token_hash: bytes, now: datetime) -> str | None:
    """Return whose password a link changes, and leave it working; None when it does not."""
    statement = (
        select(users.c.email)
        .join(password_resets, password_resets.c.user_id == users.c.id)
        .where(password_resets.c.token_hash == token_hash, password_resets.c.expires_at > now)
    )
    return (await tx.execute(statement)).scalar_one_or_none()


async def take(tx: Transaction, token_hash: bytes, now: datetime) -> int | None:
    """Use up a link and return its user's id; None when it is unknown, used or expired."""
    taken = await tx.execute(
        delete(password_resets)
        .where(password_resets.c.token_hash == token_hash, password_resets.c.expires_at > now)
        .returning(password_resets.c.user_id)
    )
    return taken.scalar_one_or_none()


async def forget(tx: Transaction, user_id: int) -> None:
    """Make every link of a user useless."""
    await tx.execute(delete(password_resets).where(password_resets.c.user_id == user_id))
