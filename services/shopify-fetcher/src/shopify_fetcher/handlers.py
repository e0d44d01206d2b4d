"""What the shop's own webhooks do here: new facts, new scopes, an uninstall, a bulk operation that has ended."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import structlog

from shopify_fetcher.access.session import Access
from shopify_fetcher.connections import Connector
from shopify_fetcher.domain.budget import Lane
from shopify_fetcher.errors import FetcherError, NotConnected, ShopGone, TokenRefused, Transient
from shopify_fetcher.store import bulk, credentials, installations
from shopify_fetcher.store.installations import Installation
from sync_common.bus import Done, Message, Outcome, Rejected
from sync_common.contracts.envelope import MalformedEnvelope
from sync_common.contracts.events.lifecycle import DisconnectReason
from sync_common.db import Database

log = structlog.get_logger()


class ShopEvents:
    """Handles `shopify.shop.v1`. Calls to Shopify are made between transactions, never inside one."""

    def __init__(self, database: Database, access: Access, connector: Connector) -> None:
        self._database = database
        self._access = access
        self._connector = connector

    async def handle(self, batch: Sequence[Message]) -> Sequence[Outcome]:
        """Answer each message; what concerns no installation of ours is done at once."""
        return [await self._answer(message) for message in batch]

    async def _answer(self, message: Message) -> Outcome:
        try:
            attributes = message.envelope().extensions
        except MalformedEnvelope as error:
            return Rejected(str(error))
        topic, shop = attributes.get("webhooktopic", ""), attributes.get("shop", "")
        async with self._database.transaction() as tx:
            installation = await installations.find_by_shop(tx, shop)
        if installation is None:
            return Done()
        try:
            return await self._apply(topic, installation, message, attributes.get("triggeredat"))
        except (TokenRefused, NotConnected, ShopGone):
            return Done()  # the session has already drawn the conclusion

    async def _apply(
        self, topic: str, installation: Installation, message: Message, triggered_at: str | None
    ) -> Outcome:
        if topic == "shop/update":
            await self._connector.refresh_facts(installation)
        elif topic == "app/scopes_update":
            await self._connector.refresh_facts(installation)
            async with self._database.transaction() as tx:
                await installations.hasten_webhooks(tx, installation.id)
        elif topic == "app/uninstalled":
            await self._uninstalled(installation, triggered_at)
        elif topic == "bulk_operations/finish":
            return await self._bulk_finished(message)
        return Done()

    async def _uninstalled(self, installation: Installation, triggered_at: str | None) -> None:
        """End the installation if its token is dead; a late uninstall after a reinstall changes nothing."""
        if _is_before(triggered_at, installation.installed_at):
            log.info("late_uninstall_ignored", installation_id=installation.id)
            return
        async with self._database.transaction() as tx:
            stored = await credentials.load(tx, installation.id)
        if stored is None:
            return
        if await self._token_works(installation):
            log.info("uninstall_not_confirmed", installation_id=installation.id)
            return
        await self._connector.end_all(installation, DisconnectReason.APP_UNINSTALLED, stored.token_version)

    async def _token_works(self, installation: Installation) -> bool:
        """Probe without drawing conclusions: an unclear answer is an outage, and the message waits."""
        try:
            await self._access.session(installation, Lane.INTERACTIVE, concludes=False).call("shop_details")
        except (TokenRefused, NotConnected, ShopGone):
            return False
        except Transient:
            raise
        except FetcherError:
            return True  # refused for another reason: the token itself is alive
        return True

    async def _bulk_finished(self, message: Message) -> Outcome:
        try:
            body: Any = msgspec.json.decode(message.value or b"")
            gid = body["admin_graphql_api_id"]
        except (msgspec.DecodeError, KeyError, TypeError):
            return Rejected("bulk_operations/finish has no admin_graphql_api_id", "admin_graphql_api_id")
        async with self._database.transaction() as tx:
            await bulk.note_finish_seen(tx, str(gid))
        return Done()


def _is_before(text: str | None, instant: datetime | None) -> bool:
    if text is None or instant is None:
        return False
    return datetime.fromisoformat(text) < instant
