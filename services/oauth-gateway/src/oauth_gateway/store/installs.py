"""Installs that began at Shopify: bound to a browser and a shop, and to no advertiser yet."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select, text

from oauth_gateway.store.tables import install_claims, install_states
from sync_common.db import Transaction

_IS_CONNECTED = text(
    "SELECT EXISTS (SELECT FROM fetcher.installations_v1 WHERE advertiser_id = :advertiser_id"
    " AND shop_domain = :shop_domain AND status = 'connected')"
)


@dataclass(frozen=True, slots=True, repr=False)
class Claim:
    """An installation that a browser may connect; `secret` proves it to the fetcher."""

    shop_domain: str
    shop_name: str
    secret: str


async def begin(
    tx: Transaction,
    *,
    state_hash: bytes,
    browser_hash: bytes,
    shop_domain: str,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Remember an issued state; forget installs that nobody finished."""
    for table in (install_states, install_claims):
        await tx.execute(delete(table).where(table.c.expires_at <= now))
    await tx.execute(
        insert(install_states).values(
            state_hash=state_hash, browser_hash=browser_hash, shop_domain=shop_domain, expires_at=expires_at
        )
    )


async def take_state(
    tx: Transaction, *, state_hash: bytes, browser_hash: bytes, shop_domain: str, now: datetime
) -> bool:
    """Use up a state; False when it is unknown, used, expired, another browser's or another shop's."""
    taken = await tx.execute(
        delete(install_states)
        .where(
            install_states.c.state_hash == state_hash,
            install_states.c.browser_hash == browser_hash,
            install_states.c.shop_domain == shop_domain,
            install_states.c.expires_at > now,
        )
        .returning(install_states.c.state_hash)
    )
    return taken.first() is not None


async def keep_claim(tx: Transaction, claim: Claim, *, browser_hash: bytes, expires_at: datetime) -> None:
    """Keep what a browser may connect."""
    await tx.execute(
        insert(install_claims).values(
            browser_hash=browser_hash,
            shop_domain=claim.shop_domain,
            shop_name=claim.shop_name,
            claim=claim.secret,
            expires_at=expires_at,
        )
    )


async def claim_of(tx: Transaction, browser_hash: bytes, now: datetime) -> Claim | None:
    """Return what a browser may connect, while it may."""
    statement = select(install_claims).where(
        install_claims.c.browser_hash == browser_hash, install_claims.c.expires_at > now
    )
    row = (await tx.execute(statement)).one_or_none()
    return Claim(row.shop_domain, row.shop_name, row.claim) if row is not None else None


async def forget_claim(tx: Transaction, browser_hash: bytes) -> None:
    """Forget what a browser could connect."""
    await tx.execute(delete(install_claims).where(install_claims.c.browser_hash == browser_hash))


async def forget_shop(tx: Transaction, shop_domain: str) -> None:
    """Forget every unfinished install of a shop."""
    for table in (install_states, install_claims):
        await tx.execute(delete(table).where(table.c.shop_domain == shop_domain))


async def is_connected(tx: Transaction, *, advertiser_id: int, shop_domain: str) -> bool:
    """Say whether a shop is connected to the transaction's advertiser."""
    parameters = {"advertiser_id": advertiser_id, "shop_domain": shop_domain}
    return bool((await tx.execute(_IS_CONNECTED, parameters)).scalar_one())
