"""Invitations to the transaction's advertiser, and the one look at them before it is known."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert

from oauth_gateway.domain.access import Role
from oauth_gateway.domain.members import Invitation, OpenInvitation
from oauth_gateway.store.tables import invitations, users
from sync_common.db import Transaction

_FIND = text(
    "SELECT advertiser_id, slug, advertiser_name, role, invited_by_name, user_id, email, has_password"
    " FROM gateway.find_invitation(:token, :now)"
)


async def find(tx: Transaction, token_hash: bytes, now: datetime) -> Invitation | None:
    """Return what an invitation offers, of any advertiser; None when it is unknown, used, withdrawn or expired."""
    row = (await tx.execute(_FIND, {"token": token_hash, "now": now})).one_or_none()
    if row is None:
        return None
    return Invitation(
        row.advertiser_id,
        row.slug,
        row.advertiser_name,
        Role(row.role),
        row.invited_by_name,
        row.user_id,
        row.email,
        row.has_password,
    )


async def put(
    tx: Transaction,
    *,
    advertiser_id: int,
    user_id: int,
    token_hash: bytes,
    role: Role,
    invited_by: int,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Invite a user, in place of an earlier invitation; forget those that nobody accepted."""
    await tx.execute(delete(invitations).where(invitations.c.expires_at <= now))
    values = {"token_hash": token_hash, "role": role, "invited_by": invited_by, "expires_at": expires_at}
    statement = insert(invitations).values(advertiser_id=advertiser_id, user_id=user_id, **values)
    await tx.execute(
        statement.on_conflict_do_update(index_elements=["advertiser_id", "user_id"], set_=values)
    )


async def open_invitations(tx: Transaction, now: datetime) -> Sequence[OpenInvitation]:
    """Return the invitations that may still be accepted, by address."""
    invited, inviter = users.alias(), users.alias()
    statement = (
        select(invitations, invited.c.email, inviter.c.name)
        .join(invited, invited.c.id == invitations.c.user_id)
        .join(inviter, inviter.c.id == invitations.c.invited_by)
        .where(invitations.c.expires_at > now)
        .order_by(invited.c.email)
    )
    return [
        OpenInvitation(row.user_id, row.email, Role(row.role), row.name, row.expires_at)
        for row in await tx.execute(statement)
    ]


async def take(tx: Transaction, token_hash: bytes, now: datetime) -> bool:
    """Use up an invitation; False when it is unknown, used, withdrawn or expired."""
    taken = await tx.execute(
        delete(invitations)
        .where(invitations.c.token_hash == token_hash, invitations.c.expires_at > now)
        .returning(invitations.c.user_id)
    )
    return taken.first() is not None


async def withdraw(tx: Transaction, user_id: int) -> bool:
    """Make the invitation of a user useless; False when there is none."""
    taken = await tx.execute(
        delete(invitations).where(invitations.c.user_id == user_id).returning(invitations.c.user_id)
    )
    return taken.first() is not None


async def withdraw_all_of(tx: Transaction, invited_by: int) -> None:
    """Make every invitation by a member useless."""
    await tx.execute(delete(invitations).where(invitations.c.invited_by == invited_by))
