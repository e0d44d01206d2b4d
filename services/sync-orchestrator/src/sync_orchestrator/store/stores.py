"""What is known of each store: connected or not, how its last sync went, how far it is synced."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, select, text, update

from sync_common.contracts.events.lifecycle import JobType
from sync_common.contracts.resources import Resource
from sync_common.db import Transaction, load_sql
from sync_orchestrator.domain.model import Job, OfStore, StoreState, Watermarks
from sync_orchestrator.domain.planning import unreadable
from sync_orchestrator.store.tables import store_state, watermarks

_PACKAGE: Final = "sync_orchestrator.store"


@dataclass(frozen=True, slots=True)
class Access:
    """What the merchant lets the app read."""

    has_all_orders: bool = False
    unreadable: frozenset[Resource] = frozenset()

    def unreadable_by(self, job_type: JobType) -> frozenset[Resource]:
        """Return what a job cannot read; older orders need a permission of their own."""
        lacks_history = job_type is JobType.BACKFILL and not self.has_all_orders
        return self.unreadable | {Resource.ORDERS} if lacks_history else self.unreadable


_ACCESS: Final = text(
    "SELECT has_all_orders, access_scopes FROM fetcher.installations_v1"
    " WHERE advertiser_id = :advertiser_id AND store_id = :store_id"
)


async def lock(tx: Transaction, advertiser_id: int, store_id: int) -> StoreState | None:
    """Return a store, locked: what begins and ends its jobs takes turns. Lock it before any job."""
    statement = (
        select(store_state)
        .where(store_state.c.advertiser_id == advertiser_id, store_state.c.store_id == store_id)
        .with_for_update(key_share=True)
    )
    row = (await tx.execute(statement)).one_or_none()
    return None if row is None else _state(row)


async def connect(
    tx: Transaction,
    *,
    advertiser_id: int,
    store_id: int,
    installation_id: int,
    shop_domain: str,
    generation: int,
    timezone: str,
) -> bool:
    """Note a connection; False when a newer one is known."""
    parameters = {
        "advertiser_id": advertiser_id,
        "store_id": store_id,
        "installation_id": installation_id,
        "shop_domain": shop_domain,
        "generation": generation,
        "timezone": timezone,
    }
    return (await tx.execute(load_sql(_PACKAGE, "connect_store"), parameters)).first() is not None


async def disconnect(
    tx: Transaction,
    *,
    advertiser_id: int,
    store_id: int,
    installation_id: int,
    shop_domain: str,
    generation: int,
    error: str | None,
) -> bool:
    """Note a disconnection; False when it is already known or out of date."""
    parameters = {
        "advertiser_id": advertiser_id,
        "store_id": store_id,
        "installation_id": installation_id,
        "shop_domain": shop_domain,
        "generation": generation,
        "error": error,
    }
    return (await tx.execute(load_sql(_PACKAGE, "disconnect_store"), parameters)).first() is not None


async def settle(tx: Transaction, advertiser_id: int, store_id: int, *, otherwise: str = "connected") -> None:
    """Show `syncing` while a job runs, else `otherwise`; a disconnected store stays so."""
    parameters = {"advertiser_id": advertiser_id, "store_id": store_id, "otherwise": otherwise}
    await tx.execute(load_sql(_PACKAGE, "settle_store"), parameters)


async def note_success(
    tx: Transaction, job: Job, *, completed_at: datetime, is_full: bool, failed_records: int
) -> bool:
    """Tell of a sync that ended well; return whether this was the store's first full one."""
    parameters = {
        "advertiser_id": job.advertiser_id,
        "store_id": job.store_id,
        "completed_at": completed_at,
        "is_full": is_full,
        "failed_records": failed_records,
    }
    return bool((await tx.execute(load_sql(_PACKAGE, "note_success"), parameters)).scalar_one())


async def note_failure(tx: Transaction, job: Job, *, error: str, exhausted: bool) -> None:
    """Tell of a sync that failed; when nothing more is tried, stop the schedule."""
    parameters = {
        "advertiser_id": job.advertiser_id,
        "store_id": job.store_id,
        "error": error,
        "exhausted": exhausted,
    }
    await tx.execute(load_sql(_PACKAGE, "note_failure"), parameters)


async def access_of(tx: Transaction, of: OfStore) -> Access:
    """Return what the store's installation may read; of one that is not there yet, the fetcher will tell."""
    parameters = {"advertiser_id": of.advertiser_id, "store_id": of.store_id}
    row = (await tx.execute(_ACCESS, parameters)).one_or_none()
    if row is None:
        return Access()
    return Access(has_all_orders=row.has_all_orders, unreadable=unreadable(row.access_scopes))


async def watermarks_of(tx: Transaction, advertiser_id: int, store_id: int) -> Watermarks:
    """Return how far each resource of a store is synced."""
    statement = select(watermarks.c.resource, watermarks.c.reached_at).where(
        watermarks.c.advertiser_id == advertiser_id, watermarks.c.store_id == store_id
    )
    return {Resource(row.resource): row.reached_at for row in await tx.execute(statement)}


async def advance_watermark(tx: Transaction, job: Job, resource: Resource, reached_at: datetime) -> None:
    """Move a watermark forward, never back."""
    parameters = {
        "advertiser_id": job.advertiser_id,
        "store_id": job.store_id,
        "resource": resource,
        "reached_at": reached_at,
        "job_id": job.job_id,
    }
    await tx.execute(load_sql(_PACKAGE, "advance_watermarks"), parameters)


async def note_order_access(tx: Transaction, job: Job, *, is_complete: bool) -> None:
    """Remember whether every order, however old, is here and can be read again."""
    await tx.execute(
        update(store_state)
        .where(store_state.c.advertiser_id == job.advertiser_id, store_state.c.store_id == job.store_id)
        .values(orders_complete=is_complete)
    )


async def rewind_watermark(tx: Transaction, job: Job, resource: Resource, to: datetime) -> None:
    """Move a watermark back: records that syncs could not see may have changed since."""
    await tx.execute(
        update(watermarks)
        .where(
            watermarks.c.advertiser_id == job.advertiser_id,
            watermarks.c.store_id == job.store_id,
            watermarks.c.resource == resource,
            watermarks.c.reached_at > to,
        )
        .values(reached_at=to, job_id=job.job_id)
    )


async def forget_watermarks(tx: Transaction, advertiser_id: int, store_id: int) -> None:
    """Make the next sync of a store read everything."""
    await tx.execute(
        delete(watermarks).where(
            watermarks.c.advertiser_id == advertiser_id, watermarks.c.store_id == store_id
        )
    )


async def installation_of(tx: Transaction, shop_domain: str) -> int | None:
    """Return an installation through which a shop can be read; None when nobody is connected to it."""
    statement = (
        select(store_state.c.installation_id)
        .where(store_state.c.shop_domain == shop_domain, store_state.c.status != "disconnected")
        .order_by(store_state.c.installation_id.desc())
        .limit(1)
    )
    installation: int | None = (await tx.execute(statement)).scalar_one_or_none()
    return installation


def _state(row: Any) -> StoreState:
    return StoreState(
        advertiser_id=row.advertiser_id,
        store_id=row.store_id,
        installation_id=row.installation_id,
        shop_domain=row.shop_domain,
        generation=row.generation,
        status=row.status,
        initial_sync_completed=row.initial_sync_completed,
        last_full_sync_at=row.last_full_sync_at,
        orders_complete=row.orders_complete,
        timezone=row.timezone,
    )
