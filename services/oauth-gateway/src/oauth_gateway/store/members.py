"""Members of the transaction's advertiser."""

from collections.abc import Sequence

from sqlalchemy import Row, Select, case, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from oauth_gateway.domain.access import Role, User
from oauth_gateway.domain.members import Member
from oauth_gateway.store.tables import memberships, users
from sync_common.db import Transaction


async def members(tx: Transaction) -> Sequence[Member]:
    """Return all members: owners first, then admins, each by name."""
    rank = case({role.value: rank for rank, role in enumerate(Role)}, value=memberships.c.role)
    rows = await tx.execute(_members().order_by(rank, users.c.name, users.c.id))
    return [_member(row) for row in rows]


async def member(tx: Transaction, user_id: int) -> Member | None:
    """Return one member."""
    row = (await tx.execute(_members().where(memberships.c.user_id == user_id))).one_or_none()
    return _member(row) if row is not None else None


async def lock_owners(tx: Transaction) -> frozenset[int]:
    """Return the ids of the owners, who stay so until the transaction ends; others who ask wait."""
    statement = select(memberships.c.user_id).where(memberships.c.role == Role.OWNER)
    rows = await tx.execute(statement.order_by(memberships.c.user_id).with_for_update())
    return frozenset(rows.scalars())


async def join(tx: Transaction, *, advertiser_id: int, user_id: int, role: Role) -> None:
    """Make a user a member; who is one already stays as they are."""
    statement = insert(memberships).values(advertiser_id=advertiser_id, user_id=user_id, role=role)
    await tx.execute(statement.on_conflict_do_nothing())


async def set_role(tx: Transaction, user_id: int, role: Role) -> None:
    """Change a member's role."""
    await tx.execute(update(memberships).where(memberships.c.user_id == user_id).values(role=role))


async def remove(tx: Transaction, user_id: int) -> None:
    """End a membership."""
    await tx.execute(delete(memberships).where(memberships.c.user_id == user_id))


def _members() -> Select[tuple[int, str, str, str]]:
    return select(users.c.id, users.c.email, users.c.name, memberships.c.role).join(
        memberships, memberships.c.user_id == users.c.id
    )


def _member(row: Row[tuple[int, str, str, str]]) -> Member:
    return Member(User(row.id, row.email, row.name), Role(row.role))
