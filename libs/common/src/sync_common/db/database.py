"""One pool per process and one way to open a transaction."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, Self

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as SQLAlchemyTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import QueuePool

Transaction = AsyncConnection

_RETURN_SECONDS: Final = 2.0

_SET_ADVERTISER = text("SELECT set_config('app.advertiser_id', :advertiser_id, true)")
# Temporary tables do not count: a service may own some for as long as a batch takes.
_UNSAFE_ROLES = text(
    """
    SELECT current_user AS name, array_agg(role.rolname::text ORDER BY role.rolname) AS unsafe
    FROM pg_roles role
    WHERE pg_has_role(current_user, role.oid, 'member')
      AND (role.rolsuper OR role.rolbypassrls
           OR EXISTS (SELECT FROM pg_namespace WHERE nspowner = role.oid)
           OR EXISTS (SELECT FROM pg_class
                      WHERE relowner = role.oid AND relkind IN ('r', 'p') AND relpersistence <> 't'))
    """
)


class UnsafeRole(RuntimeError):
    """Raised at start when the service would run with rights that defeat row-level security."""


class Database:
    """A pool of connections under one service's role.

    No session state is used: no server-side prepared statements, no LISTEN, no session settings. So a
    transaction pooler may stand between.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @classmethod
    def from_url(cls, url: str, *, application_name: str, pool_size: int = 10) -> Self:
        """Prepare a pool for a libpq URL; connects on first use."""
        engine = create_async_engine(
            url.replace("postgresql://", "postgresql+psycopg://", 1),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            pool_pre_ping=True,
            hide_parameters=True,  # statement parameters may be personal data: never in errors or logs
            connect_args={
                "application_name": application_name,
                "connect_timeout": 5,
                "prepare_threshold": None,
            },
        )
        return cls(engine)

    async def check_role(self) -> None:
        """Raise UnsafeRole when the role is, or may become, a superuser, an owner or one that bypasses security."""
        async with self.transaction() as tx:
            name, unsafe = (await tx.execute(_UNSAFE_ROLES)).one()
        if unsafe:
            raise UnsafeRole(
                f"role {name} is, or is a member of, {', '.join(unsafe)}: superuser, BYPASSRLS or owner of a schema"
                " or table; run the service as its svc_ role"
            )

    async def is_reachable(self) -> bool:
        """Say whether a statement can be run now."""
        try:
            async with self.transaction() as tx:
                await tx.execute(text("SELECT 1"))
        except (DBAPIError, OSError, TimeoutError):
            return False
        return True

    @asynccontextmanager
    async def transaction(self, *, advertiser_id: int | None = None) -> AsyncIterator[Transaction]:
        """Open a transaction, for one advertiser where given; commit at the end, roll back on an error."""
        async with self._engine.begin() as tx:
            if advertiser_id is not None:
                await tx.execute(_SET_ADVERTISER, {"advertiser_id": str(advertiser_id)})
            yield tx

    def is_transient(self, error: BaseException) -> bool:
        """Say whether trying again may help after `error`."""
        return is_transient(error)

    async def close(self) -> None:
        """Close every connection.

        A cancelled task gives its connection back a moment after it has ended, so that moment is waited for:
        what is still out when the pool is disposed of would never be closed.
        """
        pool = self._engine.pool
        with suppress(TimeoutError):
            async with asyncio.timeout(_RETURN_SECONDS):
                while isinstance(pool, QueuePool) and pool.checkedout():  # noqa: ASYNC110 - a pool sends no signal
                    await asyncio.sleep(0.01)
        await self._engine.dispose()


@asynccontextmanager
async def raw_cursor(tx: Transaction) -> AsyncIterator["psycopg.AsyncCursor[Any]"]:
    """Open a psycopg cursor inside a transaction, for COPY."""
    connection = await tx.get_raw_connection()
    driver: psycopg.AsyncConnection[Any] = connection.driver_connection  # type: ignore[assignment]
    async with driver.cursor() as cursor:
        yield cursor


_TRANSIENT_CLASSES: Final = ("08", "40", "53", "55", "57", "58")
_TRANSIENT_STATES: Final = {
    "25006",  # read-only: the server is a standby, as it may be during a failover
    "25P03",  # idle_in_transaction_session_timeout
    "25P04",  # transaction_timeout
}


def is_transient(error: BaseException) -> bool:
    """Say whether trying again may help: lost connections, failover, deadlocks, serialization, resources, shutdown."""
    cause: BaseException | None = error
    if isinstance(error, DBAPIError):
        if error.connection_invalidated:
            return True
        cause = error.orig
    if isinstance(cause, psycopg.Error):
        if cause.sqlstate is None:
            return isinstance(cause, (psycopg.OperationalError, psycopg.InterfaceError))
        return cause.sqlstate[:2] in _TRANSIENT_CLASSES or cause.sqlstate in _TRANSIENT_STATES
    return isinstance(cause, OSError | SQLAlchemyTimeout)
