"""Installations: our app on one shop."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert

from shopify_fetcher.domain.shop import ShopFacts
from shopify_fetcher.store.tables import connections, installations
from sync_common.db import Transaction, load_sql


@dataclass(frozen=True, slots=True)
class Installation:
    """One installation as its callers need it."""

    id: int
    shop_domain: str
    access_scopes: tuple[str, ...]
    generation: int
    installed_at: datetime | None
    webhooks_installed: bool
    webhooks_gap: bool
    timezone: str | None

    @property
    def has_all_orders(self) -> bool:
        """Say whether orders older than 60 days can be seen."""
        return "read_all_orders" in self.access_scopes


_CLAIM_GRACE: Final = timedelta(minutes=2)  # a connect that began in time may end
_NEVER: ColumnElement[datetime] = literal_column("'infinity'::timestamptz")
_COLUMNS = (
    installations.c.id,
    installations.c.shop_domain,
    installations.c.access_scopes,
    installations.c.generation,
    installations.c.installed_at,
    installations.c.webhooks_installed,
    installations.c.webhooks_gap,
    installations.c.timezone,
)


async def find(tx: Transaction, installation_id: int) -> Installation | None:
    """Return an installation by id."""
    row = (
        (await tx.execute(select(*_COLUMNS).where(installations.c.id == installation_id))).mappings().first()
    )
    return None if row is None else _installation(row)


async def find_by_shop(tx: Transaction, shop_domain: str) -> Installation | None:
    """Return the installation of a shop."""
    statement = select(*_COLUMNS).where(installations.c.shop_domain == shop_domain)
    row = (await tx.execute(statement)).mappings().first()
    return None if row is None else _installation(row)


async def ensure(tx: Transaction, shop_domain: str, api_version: str) -> int:
    """Return the id of a shop's installation, made on first use.

    The doctor is called in an hour at the latest, so that a token of a connect that never ended is found.
    """
    due = func.clock_timestamp() + timedelta(hours=1)
    statement = insert(installations).values(
        shop_domain=shop_domain, api_version=api_version, webhooks_due_at=due
    )
    statement = statement.on_conflict_do_update(
        index_elements=[installations.c.shop_domain],
        set_={
            "api_version": api_version,
            "webhooks_due_at": func.least(installations.c.webhooks_due_at, due),
        },
    )
    return int((await tx.execute(statement.returning(installations.c.id))).scalar_one())


async def lock(tx: Transaction, installation_id: int) -> None:
    """Make connects and disconnects of one installation take turns."""
    await tx.execute(
        select(installations.c.id).where(installations.c.id == installation_id).with_for_update()
    )


async def claim_token_lease(tx: Transaction, installation_id: int, *, owner: UUID, lease: timedelta) -> bool:
    """Take the right to talk to the token endpoint; False while another process has it."""
    statement = (
        update(installations)
        .where(
            installations.c.id == installation_id,
            installations.c.token_lease_until.is_(None)
            | (installations.c.token_lease_until < func.clock_timestamp()),
        )
        .values(token_lease_owner=owner, token_lease_until=func.clock_timestamp() + lease)
        .returning(installations.c.id)
    )
    return (await tx.execute(statement)).first() is not None


async def release_token_lease(tx: Transaction, installation_id: int, *, owner: UUID) -> None:
    """Give the right back."""
    await tx.execute(
        update(installations)
        .where(installations.c.id == installation_id, installations.c.token_lease_owner == owner)
        .values(token_lease_owner=None, token_lease_until=None)
    )


async def save_facts(tx: Transaction, installation_id: int, facts: ShopFacts) -> None:
    """Keep what Shopify told of the shop."""
    await tx.execute(
        update(installations)
        .where(installations.c.id == installation_id)
        .values(
            shopify_shop_id=facts.shopify_shop_id,
            shop_name=facts.name,
            shop_owner=facts.owner,
            email=facts.email,
            currency=facts.currency,
            timezone=facts.timezone,
            plan_name=facts.plan_name,
            access_scopes=list(facts.access_scopes),
            gone_since=None,
            uninstall_told_at=None,
            updated_at=func.clock_timestamp(),
        )
    )


async def note_installed(tx: Transaction, installation_id: int, *, webhooks_installed: bool) -> None:
    """Begin a new generation: the shop was connected, and the doctor comes in an hour, or now if it must."""
    due = func.clock_timestamp() + (timedelta(hours=1) if webhooks_installed else timedelta(0))
    await tx.execute(
        update(installations)
        .where(installations.c.id == installation_id)
        .values(
            generation=installations.c.generation + 1,
            installed_at=func.clock_timestamp(),
            webhooks_installed=webhooks_installed,
            webhooks_due_at=due,
            updated_at=func.clock_timestamp(),
        )
    )


async def note_check_failed(tx: Transaction, installation_id: int, *, again_in: timedelta) -> None:
    """Keep that the subscriptions could not be checked, and when the doctor comes again."""
    due = func.least(installations.c.webhooks_due_at, func.clock_timestamp() + again_in)
    await tx.execute(
        update(installations)
        .where(installations.c.id == installation_id, installations.c.webhooks_due_at < _NEVER)
        .values(webhooks_installed=False, webhooks_due_at=due, updated_at=func.clock_timestamp())
    )


async def note_webhooks(tx: Transaction, installation_id: int, *, installed: bool) -> None:
    """Keep whether every wanted subscription exists."""
    await tx.execute(
        update(installations)
        .where(installations.c.id == installation_id)
        .values(webhooks_installed=installed, updated_at=func.clock_timestamp())
    )


async def note_gap(tx: Transaction, installation_id: int, *, is_open: bool) -> None:
    """Keep whether the stores are still to be told that subscriptions were missing."""
    await tx.execute(
        update(installations).where(installations.c.id == installation_id).values(webhooks_gap=is_open)
    )


async def note_uninstalled(tx: Transaction, installation_id: int) -> None:
    """End the generation: nothing is left to look after, and nothing to claim."""
    await tx.execute(
        update(installations)
        .where(installations.c.id == installation_id)
        .values(
            generation=installations.c.generation + 1,
            webhooks_installed=False,
            webhooks_gap=False,
            webhooks_due_at=_NEVER,
            gone_since=None,
            uninstall_told_at=None,
            claim_hash=None,
            claim_expires_at=None,
            updated_at=func.clock_timestamp(),
        )
    )


async def keep_claim(
    tx: Transaction, installation_id: int, claim_hash: bytes, *, lifetime: timedelta
) -> None:
    """Let whoever knows this claim connect a store; a newer claim replaces an older one."""
    await tx.execute(
        update(installations)
        .where(installations.c.id == installation_id)
        .values(claim_hash=claim_hash, claim_expires_at=func.clock_timestamp() + lifetime)
    )


async def holds_claim(tx: Transaction, installation_id: int, claim_hash: bytes) -> bool:
    """Say whether this is the installation's claim and may still be used."""
    statement = select(installations.c.id).where(
        installations.c.id == installation_id,
        installations.c.claim_hash == claim_hash,
        installations.c.claim_expires_at > func.clock_timestamp(),
    )
    return (await tx.execute(statement)).first() is not None


async def use_claim(tx: Transaction, installation_id: int, claim_hash: bytes) -> bool:
    """Use up a claim that was held when the connect began; False when it was used or replaced since."""
    statement = (
        update(installations)
        .where(installations.c.id == installation_id, installations.c.claim_hash == claim_hash)
        .values(claim_hash=None, claim_expires_at=None)
        .returning(installations.c.id)
    )
    return (await tx.execute(statement)).first() is not None


async def forget_claim(tx: Transaction, installation_id: int) -> None:
    """Let nobody claim the installation."""
    await tx.execute(
        update(installations)
        .where(installations.c.id == installation_id)
        .values(claim_hash=None, claim_expires_at=None)
    )


async def awaits_claim(tx: Transaction, installation_id: int) -> bool:
    """Say whether the installation may still be claimed; if so, the doctor comes when that time is over."""
    over_at = installations.c.claim_expires_at + _CLAIM_GRACE
    statement = (
        update(installations)
        .where(installations.c.id == installation_id, over_at > func.clock_timestamp())
        .values(webhooks_due_at=over_at)
        .returning(installations.c.id)
    )
    return (await tx.execute(statement)).first() is not None


async def note_gone(tx: Transaction, installation_id: int) -> timedelta:
    """Keep that the shop was not found; return for how long it has not been."""
    since = func.coalesce(installations.c.gone_since, func.clock_timestamp())
    statement = (
        update(installations)
        .where(installations.c.id == installation_id)
        .values(gone_since=since)
        .returning((func.clock_timestamp() - installations.c.gone_since).label("gone_for"))
    )
    gone_for: timedelta = (await tx.execute(statement)).scalar_one()
    return gone_for


async def note_uninstall_told(tx: Transaction, installation_id: int) -> None:
    """Keep that an uninstall was told, for the doctor to confirm, and call it."""
    await tx.execute(
        update(installations)
        .where(installations.c.id == installation_id)
        .values(uninstall_told_at=func.clock_timestamp())
    )
    await hasten_webhooks(tx, installation_id)


async def uninstall_was_told(tx: Transaction, installation_id: int) -> bool:
    """Say whether an uninstall waits to be confirmed."""
    statement = select(installations.c.uninstall_told_at.is_not(None)).where(
        installations.c.id == installation_id
    )
    return bool((await tx.execute(statement)).scalar_one_or_none())


async def erase_people(tx: Transaction, shop_domain: str) -> bool:
    """Forget who owns a shop that is redacted, unless a store is connected to it (again)."""
    is_connected = (
        select(connections.c.store_id)
        .where(connections.c.installation_id == installations.c.id, connections.c.status == "connected")
        .exists()
    )
    statement = (
        update(installations)
        .where(installations.c.shop_domain == shop_domain, ~is_connected)
        .values(shop_name=None, shop_owner=None, email=None, updated_at=func.clock_timestamp())
        .returning(installations.c.id)
    )
    return (await tx.execute(statement)).first() is not None


async def hasten_webhooks(tx: Transaction, installation_id: int) -> None:
    """Let the webhook doctor come now, unless the installation has ended."""
    await tx.execute(
        update(installations)
        .where(installations.c.id == installation_id, installations.c.webhooks_due_at < _NEVER)
        .values(webhooks_due_at=func.clock_timestamp())
    )


async def claim_webhook_check(tx: Transaction, period: timedelta) -> Installation | None:
    """Take one installation whose webhook check is due, and set its next due time."""
    statement = load_sql("shopify_fetcher.store", "claim_webhook_check")
    row = (await tx.execute(statement, {"period": period})).mappings().first()
    return None if row is None else _installation(row)


def _installation(row: RowMapping) -> Installation:
    return Installation(
        id=row["id"],
        shop_domain=row["shop_domain"],
        access_scopes=tuple(row["access_scopes"]),
        generation=row["generation"],
        installed_at=row["installed_at"],
        webhooks_installed=row["webhooks_installed"],
        webhooks_gap=row["webhooks_gap"],
        timezone=row["timezone"],
    )
