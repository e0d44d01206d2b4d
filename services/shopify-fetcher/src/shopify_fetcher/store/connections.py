"""Connections: one advertiser's store on an installation. Every change is guarded, whoever notices first makes it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, Update, func, select, update
from sqlalchemy.dialects.postgresql import insert

from shopify_fetcher.store.tables import connections
from sync_common.contracts.events.lifecycle import DisconnectReason
from sync_common.db import Transaction

CONNECTED = "connected"
DISCONNECTED = "disconnected"


@dataclass(frozen=True, slots=True)
class Connection:
    """One store's connection as it stands after a change."""

    advertiser_id: int
    store_id: int
    installation_id: int
    generation: int
    connected_at: datetime
    disconnected_at: datetime | None


_COLUMNS = (
    connections.c.advertiser_id,
    connections.c.store_id,
    connections.c.installation_id,
    connections.c.generation,
    connections.c.connected_at,
    connections.c.disconnected_at,
)


async def connect(
    tx: Transaction, *, advertiser_id: int, store_id: int, installation_id: int, user_id: int | None
) -> Connection:
    """Connect a store, or connect it anew; its generation rises."""
    statement = insert(connections).values(
        advertiser_id=advertiser_id,
        store_id=store_id,
        installation_id=installation_id,
        status=CONNECTED,
        generation=1,
        connected_by_user_id=user_id,
        connected_at=func.clock_timestamp(),
    )
    statement = statement.on_conflict_do_update(
        index_elements=[connections.c.advertiser_id, connections.c.store_id],
        set_={
            "installation_id": statement.excluded.installation_id,
            "status": CONNECTED,
            "generation": connections.c.generation + 1,
            "disconnect_reason": None,
            "connected_by_user_id": statement.excluded.connected_by_user_id,
            "connected_at": statement.excluded.connected_at,
            "disconnected_at": None,
        },
    )
    return _connection((await tx.execute(statement.returning(*_COLUMNS))).mappings().one())


async def disconnect_store(
    tx: Transaction, *, advertiser_id: int, store_id: int, reason: DisconnectReason
) -> Connection | None:
    """Disconnect one store; None when it is not connected, and then nothing changes."""
    statement = (
        _disconnecting(reason)
        .where(connections.c.advertiser_id == advertiser_id, connections.c.store_id == store_id)
        .returning(*_COLUMNS)
    )
    row = (await tx.execute(statement)).mappings().first()
    return None if row is None else _connection(row)


async def disconnect_all(tx: Transaction, installation_id: int, reason: DisconnectReason) -> list[Connection]:
    """Disconnect every connected store of an installation; return those that this call disconnected."""
    statement = (
        _disconnecting(reason).where(connections.c.installation_id == installation_id).returning(*_COLUMNS)
    )
    return [_connection(row) for row in (await tx.execute(statement)).mappings()]


async def connected(tx: Transaction, installation_id: int) -> list[Connection]:
    """Return the connected stores of an installation."""
    statement = (
        select(*_COLUMNS)
        .where(connections.c.installation_id == installation_id, connections.c.status == CONNECTED)
        .order_by(connections.c.advertiser_id, connections.c.store_id)
    )
    return [_connection(row) for row in (await tx.execute(statement)).mappings()]


async def installation_of(tx: Transaction, *, advertiser_id: int, store_id: int) -> int | None:
    """Return the installation that a store is or was connected to."""
    statement = select(connections.c.installation_id).where(
        connections.c.advertiser_id == advertiser_id, connections.c.store_id == store_id
    )
    return (await tx.execute(statement)).scalar_one_or_none()


def _disconnecting(reason: DisconnectReason) -> Update:
    return (
        update(connections)
        .where(connections.c.status == CONNECTED)
        .values(
            status=DISCONNECTED,
            generation=connections.c.generation + 1,
            disconnect_reason=reason.value,
            disconnected_at=func.clock_timestamp(),
        )
    )


def _connection(row: RowMapping) -> Connection:
    return Connection(
        advertiser_id=row["advertiser_id"],
        store_id=row["store_id"],
        installation_id=row["installation_id"],
        generation=row["generation"],
        connected_at=row["connected_at"],
        disconnected_at=row["disconnected_at"],
    )
