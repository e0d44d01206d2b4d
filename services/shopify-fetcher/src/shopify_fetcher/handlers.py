"""What is told of shops: an uninstall, a bulk operation that has ended, a call for the doctor, a redaction."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec
import structlog

from shopify_fetcher.access.session import Access
from shopify_fetcher.disconnections import Disconnector
from shopify_fetcher.domain.budget import Lane
from shopify_fetcher.errors import FetcherError, NotConnected, ShopGone, Throttled, TokenRefused, Transient
from shopify_fetcher.store import bulk, credentials, installations
from shopify_fetcher.store.installations import Installation
from sync_common.bus import Done, Message, Outcome, Rejected
from sync_common.bus.message import rejection_of
from sync_common.contracts.envelope import MalformedEnvelope
from sync_common.contracts.events import ShopRedacted
from sync_common.contracts.events.lifecycle import DisconnectReason
from sync_common.contracts.records import ShopWebhook
from sync_common.contracts.topics import LIFECYCLE_TOPIC, SHOP_TOPIC
from sync_common.contracts.webhooks import WEBHOOK_ROUTES
from sync_common.db import Database

PROBE_SECONDS: Final = 5.0
_TOPICS: Final = {topic for topic, route in WEBHOOK_ROUTES.items() if route.kafka_topic == SHOP_TOPIC}

log = structlog.get_logger()


class _BulkFinished(msgspec.Struct):
    admin_graphql_api_id: str


class ShopEvents:
    """Handles `shopify.shop.v1` and, of `sync.lifecycle.v1`, the redaction of shops.

    Calls to Shopify are made between transactions, never inside one.

    A signature does not cover the topic that a delivery names, so anybody who has got hold of a signed body can make
    up the two rejections here.
    """

    def __init__(self, database: Database, access: Access, disconnector: Disconnector) -> None:
        self._database = database
        self._access = access
        self._disconnector = disconnector

    async def handle(self, batch: Sequence[Message]) -> Sequence[Outcome]:
        """Answer each message; what concerns no installation of ours is done at once."""
        return [await self._answer(message) for message in batch]

    async def _answer(self, message: Message) -> Outcome:
        return await (self._redacted if message.topic == LIFECYCLE_TOPIC else self._told)(message)

    async def _redacted(self, message: Message) -> Outcome:
        """Forget who owns a redacted shop; every other fact concerns others. Doing so again changes nothing."""
        try:
            if message.envelope().type != ShopRedacted.type_name():
                return Done()
            event = message.event(ShopRedacted)
        except (Rejected, MalformedEnvelope) as error:
            return rejection_of(error)
        async with self._database.transaction() as tx:
            await installations.erase_people(tx, event.shop_domain)
        return Done()

    async def _told(self, message: Message) -> Outcome:
        try:
            webhook = ShopWebhook.from_message(message.envelope(), message.value or b"")
        except MalformedEnvelope as error:
            return Rejected(str(error), error="MalformedEnvelope")
        if webhook.topic not in _TOPICS:
            return Rejected("this webhook topic is not known", "webhooktopic", by_outsider=True)
        async with self._database.transaction() as tx:
            installation = await installations.find_by_shop(tx, webhook.shop)
        return Done() if installation is None else await self._apply(webhook, installation)

    async def _apply(self, webhook: ShopWebhook, installation: Installation) -> Outcome:
        if webhook.topic == "app/uninstalled":
            await self._uninstalled(installation, webhook.triggered_at)
        elif webhook.topic == "bulk_operations/finish":
            return await self._bulk_finished(webhook.body)
        else:  # new facts or new scopes: the doctor reads them, so that a silent shop holds up nobody's webhooks
            async with self._database.transaction() as tx:
                await installations.hasten_webhooks(tx, installation.id)
        return Done()

    async def _uninstalled(self, installation: Installation, triggered_at: datetime | None) -> None:
        """End the installation if its token is dead; a late uninstall after a reinstall changes nothing.

        Where the probe is unclear the doctor makes it again: a silent shop holds up nobody's webhooks.
        """
        if triggered_at and installation.installed_at and triggered_at < installation.installed_at:
            log.info("late_uninstall_ignored", installation_id=installation.id)
            return
        async with self._database.transaction() as tx:
            stored = await credentials.load(tx, installation.id)
        if stored is None:
            return
        try:
            works = await self._token_works(installation)
        except (Transient, Throttled, TimeoutError):
            async with self._database.transaction() as tx:
                await installations.note_uninstall_told(tx, installation.id)
            return
        if works:
            log.info("uninstall_not_confirmed", installation_id=installation.id)
            return
        await self._disconnector.end_all(installation, DisconnectReason.APP_UNINSTALLED, stored.token_version)

    async def _token_works(self, installation: Installation) -> bool:
        """Probe without drawing conclusions; raise where the answer is unclear, or late."""
        session = self._access.session(installation, Lane.INTERACTIVE, concludes=False)
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                await session.call("shop_details")
        except (TokenRefused, NotConnected, ShopGone):
            return False
        except (Transient, Throttled):
            raise
        except FetcherError:
            return True  # refused for another reason: the token itself is alive
        return True

    async def _bulk_finished(self, body: bytes) -> Outcome:
        try:
            gid = msgspec.json.decode(body, type=_BulkFinished).admin_graphql_api_id
        except msgspec.MsgspecError:
            reason = "bulk_operations/finish has no admin_graphql_api_id"
            return Rejected(reason, "admin_graphql_api_id", by_outsider=True)
        async with self._database.transaction() as tx:
            await bulk.note_finish_seen(tx, gid)
        return Done()
