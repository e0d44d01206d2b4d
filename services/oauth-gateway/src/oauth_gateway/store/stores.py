"""Stores and the OAuth flows that connect them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from oauth_gateway.domain.stores import Frequency
from oauth_gateway.store import installs
from oauth_gateway.store.tables import dismissed_banners, oauth_states, shopify_stores
from sync_common.db import Transaction, load_sql

_TAKE_STATE = text(
    "SELECT advertiser_id, user_id, shop_domain FROM gateway.take_oauth_state(:state, :session, :now)"
)
_PRUNE_STATES = text("SELECT gateway.prune_oauth_states(:now)")


@dataclass(frozen=True, slots=True)
class BegunFlow:
    """What an OAuth state was issued for."""

    advertiser_id: int
    user_id: int
    shop_domain: str


@dataclass(frozen=True, slots=True)
class GrantedHistory:
    """A wish for a store's whole order history that Shopify lets us fulfil."""

    user_id: int


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """What the gateway itself keeps of a store."""

    id: int
    shop_domain: str
    name: str
    frequency: Frequency
    products_frequency: Frequency | None


async def begin_flow(
    tx: Transaction,
    flow: BegunFlow,
    *,
    state_hash: bytes,
    session_hash: bytes,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Remember an issued state; forget flows that nobody finished."""
    await tx.execute(_PRUNE_STATES, {"now": now})
    await tx.execute(
        insert(oauth_states).values(
            advertiser_id=flow.advertiser_id,
            user_id=flow.user_id,
            shop_domain=flow.shop_domain,
            state_hash=state_hash,
            session_hash=session_hash,
            expires_at=expires_at,
        )
    )


async def take_flow(
    tx: Transaction, *, state_hash: bytes, session_hash: bytes, now: datetime
) -> BegunFlow | None:
    """Use up a state; None when it is unknown, used, expired or another session's."""
    found = await tx.execute(_TAKE_STATE, {"state": state_hash, "session": session_hash, "now": now})
    row = found.one_or_none()
    return BegunFlow(row.advertiser_id, row.user_id, row.shop_domain) if row is not None else None


async def ensure_store(tx: Transaction, *, advertiser_id: int, shop_domain: str) -> int:
    """Return the id of the advertiser's store for this shop, creating it where there is none."""
    statement = insert(shopify_stores).values(
        advertiser_id=advertiser_id, shop_domain=shop_domain, name=shop_domain
    )
    # a conflict must return the row as well, hence the update that changes nothing
    statement = statement.on_conflict_do_update(
        index_elements=[shopify_stores.c.advertiser_id, shopify_stores.c.shop_domain],
        set_={"shop_domain": statement.excluded.shop_domain},
    )
    return int((await tx.execute(statement.returning(shopify_stores.c.id))).scalar_one())


async def store_settings(tx: Transaction, store_id: int) -> StoreSettings | None:
    """Return a store of the transaction's advertiser."""
    row = (await tx.execute(select(shopify_stores).where(shopify_stores.c.id == store_id))).one_or_none()
    if row is None:
        return None
    products = Frequency(row.products_frequency) if row.products_frequency else None
    return StoreSettings(row.id, row.shop_domain, row.name, Frequency(row.sync_frequency), products)


async def set_frequency(tx: Transaction, store_id: int, frequency: Frequency) -> None:
    """Change how often a store is synced."""
    await _change(tx, store_id, sync_frequency=frequency)


async def set_products_frequency(tx: Transaction, store_id: int, frequency: Frequency | None) -> None:
    """Change how often a store's products are synced; None is as often as the store."""
    await _change(tx, store_id, products_frequency=frequency)


async def set_name(tx: Transaction, store_id: int, name: str) -> None:
    """Rename a store."""
    await _change(tx, store_id, name=name)


async def wish_history(tx: Transaction, store_id: int, *, user_id: int, now: datetime) -> None:
    """Remember who wishes for a store's whole order history, and since when: the first wish stands."""
    await tx.execute(
        update(shopify_stores)
        .where(shopify_stores.c.id == store_id, shopify_stores.c.history_requested_at.is_(None))
        .values(history_requested_at=now, history_requested_by=user_id)
    )


async def withdraw_history(tx: Transaction, store_id: int) -> None:
    """Forget the wish for a store's whole order history."""
    await tx.execute(
        update(shopify_stores)
        .where(shopify_stores.c.id == store_id)
        .values(history_requested_at=None, history_requested_by=None)
    )


async def wants_history(tx: Transaction, shop_domain: str) -> bool:
    """Say whether somebody of the transaction's advertiser wishes for a shop's whole order history."""
    found = await tx.execute(
        select(shopify_stores.c.id).where(
            shopify_stores.c.shop_domain == shop_domain, shopify_stores.c.history_requested_at.is_not(None)
        )
    )
    return found.first() is not None


async def granted_history(tx: Transaction, advertiser_id: int, store_id: int) -> GrantedHistory | None:
    """Return the wish for a store's whole order history where it may be read now and is not read yet."""
    parameters = {"advertiser_id": advertiser_id, "store_id": store_id}
    row = (await tx.execute(load_sql(__package__, "granted_history"), parameters)).one_or_none()
    return GrantedHistory(row.user_id) if row is not None else None


async def erase(tx: Transaction, store_id: int) -> None:
    """Forget what people wrote about a store, and the flows that were connecting its shop."""
    row = await store_settings(tx, store_id)
    if row is not None and row.name != row.shop_domain:
        await set_name(tx, store_id, row.shop_domain)
    if row is not None:
        await tx.execute(delete(oauth_states).where(oauth_states.c.shop_domain == row.shop_domain))
        await installs.forget_shop(tx, row.shop_domain)
        await withdraw_history(tx, store_id)
    await tx.execute(delete(dismissed_banners).where(dismissed_banners.c.store_id == store_id))


async def _change(tx: Transaction, store_id: int, **values: str | None) -> None:
    statement = update(shopify_stores).where(shopify_stores.c.id == store_id)
    await tx.execute(statement.values(**values, updated_at=func.clock_timestamp()))


async def dismiss_banner(
    tx: Transaction, *, advertiser_id: int, user_id: int, store_id: int, until: datetime
) -> None:
    """Hide a store's banner from one user until then."""
    statement = insert(dismissed_banners).values(
        advertiser_id=advertiser_id, user_id=user_id, store_id=store_id, until=until
    )
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=["advertiser_id", "user_id", "store_id"], set_={"until": until}
        )
    )


async def dismissed_stores(tx: Transaction, *, user_id: int, now: datetime) -> frozenset[int]:
    """Return the stores whose banner this user has dismissed."""
    await tx.execute(
        delete(dismissed_banners).where(
            dismissed_banners.c.user_id == user_id, dismissed_banners.c.until <= now
        )
    )
    rows = await tx.execute(
        select(dismissed_banners.c.store_id).where(dismissed_banners.c.user_id == user_id)
    )
    return frozenset(rows.scalars())
