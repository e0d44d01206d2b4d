"""Disconnecting stores. Whoever notices first, one guarded change and one event decide."""

import asyncio
import contextlib
from datetime import timedelta
from typing import Final

import structlog

from shopify_fetcher import metrics
from shopify_fetcher.access.session import Access
from shopify_fetcher.domain.budget import Lane
from shopify_fetcher.errors import FetcherError
from shopify_fetcher.store import connections, credentials, installations
from shopify_fetcher.store.connections import Connection
from shopify_fetcher.store.installations import Installation
from shopify_fetcher.store.tables import outbox
from shopify_fetcher.subscriptions import Subscriptions
from sync_common.bus import outbox as bus_outbox
from sync_common.contracts.events import StoreDisconnected
from sync_common.contracts.events.lifecycle import DisconnectReason
from sync_common.contracts.topics import SHOPIFY_FETCHER
from sync_common.db import Database, Transaction
from sync_common.runtime import Clock

GOODBYE_SECONDS: Final = 12.0
GONE_AFTER: Final = timedelta(hours=3)

log = structlog.get_logger()


class Disconnector:
    """Everything that ends a connection."""

    def __init__(
        self, database: Database, access: Access, subscriptions: Subscriptions, clock: Clock
    ) -> None:
        self._database = database
        self._access = access
        self._subscriptions = subscriptions
        self._clock = clock

    async def disconnect(self, *, store_id: int, advertiser_id: int) -> None:
        """Disconnect one store at its owner's wish; with the last one, say goodbye to the shop."""
        async with self._database.transaction() as tx:
            installation_id = await connections.installation_of(
                tx, advertiser_id=advertiser_id, store_id=store_id
            )
            if installation_id is None:
                return
            await installations.lock(tx, installation_id)
            installation = await installations.find(tx, installation_id)
            reason = DisconnectReason.USER_REQUESTED
            ended = await connections.disconnect_store(
                tx, advertiser_id=advertiser_id, store_id=store_id, reason=reason
            )
            if ended is not None and installation is not None:
                await self._tell_disconnected(tx, ended, installation, reason)
        if installation is not None:
            await self.say_goodbye(installation)

    async def say_goodbye(self, installation: Installation) -> None:
        """Delete our subscriptions and forget the tokens, if no store is connected and none may be by a claim.

        The app stays installed: uninstalling would make Shopify demand erasure 48 hours later.
        """
        async with self._database.transaction() as tx:
            if await connections.connected(tx, installation.id):
                return
            if await installations.awaits_claim(tx, installation.id):
                return
            stored = await credentials.load(tx, installation.id)
        if stored is None:
            return
        with contextlib.suppress(FetcherError, TimeoutError):  # what cannot be deleted ends in 401s there
            async with asyncio.timeout(GOODBYE_SECONDS):
                await self._subscriptions.remove(self._access.session(installation, Lane.INTERACTIVE))
        async with self._database.transaction() as tx:
            await installations.lock(tx, installation.id)
            if await connections.connected(tx, installation.id):
                await installations.hasten_webhooks(tx, installation.id)  # connected anew: subscribe again
                return
            # A pair acquired since belongs to a connect under way; if that never ends, the doctor finds it.
            if await credentials.forget_sealed_with(tx, installation.id, stored.data_key):
                await installations.note_uninstalled(tx, installation.id)

    async def on_refused(self, installation: Installation, version: int | None) -> None:
        """End every connection of an installation whose token is dead, unless a newer one was stored."""
        if version is None:
            return
        async with self._database.transaction() as tx:
            was_told = await installations.uninstall_was_told(tx, installation.id)
        reason = DisconnectReason.APP_UNINSTALLED if was_told else DisconnectReason.TOKEN_EXPIRED
        await self.end_all(installation, reason, version)

    async def on_gone(self, installation: Installation) -> None:
        """End an installation whose shop was not found for hours, or whose uninstall had been told.

        One answer of 404 may be Shopify's mistake, and a disconnect asks the merchant to act.
        """
        async with self._database.transaction() as tx:
            gone_for = await installations.note_gone(tx, installation.id)
            was_told = await installations.uninstall_was_told(tx, installation.id)
            stored = await credentials.load(tx, installation.id)
        if stored is not None and (was_told or gone_for >= GONE_AFTER):
            reason = DisconnectReason.APP_UNINSTALLED if was_told else DisconnectReason.API_ERROR
            await self.end_all(installation, reason, stored.token_version)

    async def end_all(
        self, installation: Installation, reason: DisconnectReason, version: int
    ) -> list[Connection]:
        """Disconnect all stores and destroy the token, in one guarded change; a newer token wins against it."""
        async with self._database.transaction() as tx:
            await installations.lock(tx, installation.id)
            if not await credentials.forget(tx, installation.id, seen=version):
                return []
            ended = await connections.disconnect_all(tx, installation.id, reason)
            await installations.note_uninstalled(tx, installation.id)
            for connection in ended:
                await self._tell_disconnected(tx, connection, installation, reason)
        return ended

    async def _tell_disconnected(
        self, tx: Transaction, connection: Connection, installation: Installation, reason: DisconnectReason
    ) -> None:
        event = StoreDisconnected(
            store_id=connection.store_id,
            advertiser_id=connection.advertiser_id,
            shop_domain=installation.shop_domain,
            installation_id=installation.id,
            generation=connection.generation,
            reason=reason,
            disconnected_at=connection.disconnected_at or self._clock.now(),
        )
        await bus_outbox.publish(tx, outbox, event, source=SHOPIFY_FETCHER, now=self._clock.now())
        metrics.disconnections.labels(reason.value).inc()
        log.info("disconnected", store_id=connection.store_id, reason=reason.value)
