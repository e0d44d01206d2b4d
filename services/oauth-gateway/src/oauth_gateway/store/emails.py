"""What each member wants to be told by e-mail, and the e-mails as the notifier publishes them."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, select, update

from oauth_gateway.domain.emails import Email, Kind, Recipient
from oauth_gateway.store.tables import memberships
from sync_common.db import Transaction, load_sql


async def wanted_kinds(tx: Transaction, advertiser_id: int, user_id: int) -> frozenset[Kind]:
    """Return what a member has switched on."""
    statement = select(*(memberships.c[kind] for kind in Kind)).where(
        memberships.c.advertiser_id == advertiser_id, memberships.c.user_id == user_id
    )
    row = (await tx.execute(statement)).one()
    return frozenset(kind for kind in Kind if row._mapping[kind])


async def set_wanted(tx: Transaction, advertiser_id: int, user_id: int, wanted: Mapping[Kind, bool]) -> None:
    """Switch kinds on and off for one member; those not named stay as they are."""
    statement = update(memberships).where(
        memberships.c.advertiser_id == advertiser_id, memberships.c.user_id == user_id
    )
    await tx.execute(statement.values({kind.value: is_on for kind, is_on in wanted.items()}))


async def emails(tx: Transaction, advertiser_id: int, *, before: int, rows_max: int) -> Sequence[Email]:
    """Return e-mails, newest first, from below this id on."""
    parameters = {"advertiser_id": advertiser_id, "before": before, "rows_max": rows_max}
    return [_email(row) for row in await tx.execute(load_sql(__package__, "emails"), parameters)]


async def email(tx: Transaction, advertiser_id: int, email_id: int) -> Email | None:
    """Return one e-mail of the transaction's advertiser."""
    found = await emails(tx, advertiser_id, before=email_id + 1, rows_max=1)
    return found[0] if found and found[0].id == email_id else None


def _email(row: Row[Any]) -> Email:
    return Email(
        id=row.email_id,
        template=row.template,
        recipient=Recipient(row.recipient_user_id, row.recipient_name, row.recipient_address),
        shop_domain=row.shop_domain,
        state=row.state,
        failure=row.failure,
        attempts=row.attempts,
        created_at=row.created_at,
        due_at=row.due_at,
        sent_at=row.sent_at,
        resent_at=row.resent_at,
        can_resend=row.can_resend,
    )
