"""Webhook subscriptions: made at connect, compared every hour with the wanted list, deleted at the last disconnect."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from typing import Any, Final

import structlog

from shopify_fetcher import metrics
from shopify_fetcher.access.session import Access, ShopSession
from shopify_fetcher.domain.budget import Lane
from shopify_fetcher.domain.shop import ShopFacts
from shopify_fetcher.domain.subscriptions import Repair, Subscription, repair, wanted_topics
from shopify_fetcher.errors import FetcherError, ShopGone
from shopify_fetcher.store import connections, installations
from shopify_fetcher.store.installations import Installation
from shopify_fetcher.store.tables import outbox
from sync_common.bus import outbox as bus_outbox
from sync_common.bus.waiting import pause
from sync_common.contracts.events import WebhooksRepaired
from sync_common.contracts.topics import SHOPIFY_FETCHER
from sync_common.db import Database, Transaction
from sync_common.runtime import Clock

CONCURRENT_CALLS_MAX: Final = 5
PAGE_NODES: Final = 100
PAGES_MAX: Final = 20
CHECK_PERIOD: Final = timedelta(hours=1)
FAILED_CHECK_PERIOD: Final = timedelta(minutes=10)
VISITS_AT_ONCE: Final = 8
IDLE_SECONDS: Final = 5.0
_ALREADY_TAKEN: Final = "already been taken"

log = structlog.get_logger()


class Subscriptions:
    """Keeps one shop's subscriptions as they should be."""

    def __init__(self, uri: str) -> None:
        self._uri = uri

    async def plan(self, session: ShopSession, scopes: Iterable[str]) -> Repair:
        """Compare what exists with what these scopes allow."""
        return repair(await self._existing(session), wanted_topics(scopes), self._uri)

    async def carry_out(self, session: ShopSession, plan: Repair) -> list[str]:
        """Make what is missing, delete what is wrong; return the topics that Shopify refused."""
        refused = await _bounded(plan.create, lambda topic: self._create(session, topic))
        await _bounded(plan.delete, lambda subscription: _delete(session, subscription))
        return refused

    async def remove(self, session: ShopSession) -> None:
        """Delete every subscription of ours."""
        await _bounded(await self._existing(session), lambda subscription: _delete(session, subscription))

    async def _existing(self, session: ShopSession) -> list[Subscription]:
        found: list[Subscription] = []
        after: str | None = None
        for _ in range(PAGES_MAX):
            answer = await session.call("webhook_subscriptions", {"first": PAGE_NODES, "after": after})
            page = answer.data["webhookSubscriptions"]
            found += [Subscription(node["id"], node["topic"], node["uri"]) for node in page["nodes"]]
            if not page["pageInfo"]["hasNextPage"]:
                break
            after = page["pageInfo"]["endCursor"]
        return found

    async def _create(self, session: ShopSession, topic: str) -> bool:
        wish = {"uri": self._uri, "format": "JSON"}
        answer = await session.call(
            "webhook_subscription_create", {"topic": topic, "webhookSubscription": wish}
        )
        errors = answer.data["webhookSubscriptionCreate"]["userErrors"]
        # Another process, or our own lost first try, was faster: that is as good.
        if all(_ALREADY_TAKEN in error["message"] for error in errors):
            return True
        log.warning("subscription_refused", kind=topic)
        return False


async def _delete(session: ShopSession, subscription: Subscription) -> bool:
    await session.call("webhook_subscription_delete", {"id": subscription.gid})
    return True  # an error only says that it is gone already


async def _bounded(items: Iterable[Any], act: Callable[[Any], Awaitable[bool]]) -> list[Any]:
    """Act on all items, a few at a time; return those that were refused."""
    slots = asyncio.Semaphore(CONCURRENT_CALLS_MAX)

    async def one(item: Any) -> bool:
        async with slots:
            return await act(item)

    todo = list(items)
    results = await asyncio.gather(*(one(item) for item in todo), return_exceptions=True)
    for result in results:  # once all have ended: none goes on unseen
        if isinstance(result, BaseException):
            raise result
    return [item for item, accepted in zip(todo, results, strict=True) if not accepted]


class WebhookDoctor:
    """Visits each installation once an hour and tells when deliveries may have been lost."""

    def __init__(
        self,
        database: Database,
        access: Access,
        subscriptions: Subscriptions,
        clock: Clock,
        *,
        refresh_facts: Callable[[Installation], Awaitable[ShopFacts]],
        say_goodbye: Callable[[Installation], Awaitable[None]],
        on_gone: Callable[[Installation], Awaitable[None]],
    ) -> None:
        self._database = database
        self._access = access
        self._subscriptions = subscriptions
        self._clock = clock
        self._refresh_facts = refresh_facts
        self._say_goodbye = say_goodbye
        self._on_gone = on_gone

    async def run(self, stop: asyncio.Event) -> None:
        """Visit whoever is due, several at once, until stopped: a shop that hangs holds up few others."""
        await asyncio.gather(*(self._visit_until(stop) for _ in range(VISITS_AT_ONCE)))

    async def _visit_until(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                visited = await self.visit_next()
            except Exception:
                log.exception("webhook_check_broke")
                visited = False
            if not visited:
                await pause(stop, IDLE_SECONDS)

    async def visit_next(self) -> bool:
        """Check one installation that is due; False when none is."""
        async with self._database.transaction() as tx:
            installation = await installations.claim_webhook_check(tx, CHECK_PERIOD)
            is_wanted = installation is not None and await connections.connected(tx, installation.id)
        if installation is None:
            return False
        try:
            if is_wanted:
                await self.visit(installation)
            else:  # a disconnect, or a connect, that a crash cut short
                await self._say_goodbye(installation)
        except FetcherError as error:
            log.warning("webhook_check_failed", installation_id=installation.id, code=error.code)
            async with self._database.transaction() as tx:
                await installations.note_check_failed(tx, installation.id, again_in=FAILED_CHECK_PERIOD)
            if isinstance(error, ShopGone):
                await self._on_gone(installation)
        return True

    async def visit(self, installation: Installation) -> list[str]:
        """Read one installation's facts, repair its subscriptions, and return what was missing and is no more.

        That something was missing is kept before it is repaired: after a crash in between nothing is missing any
        more, but the stores must still hear of the gap.
        """
        facts = await self._refresh_facts(installation)
        session = self._access.session(installation, Lane.INTERACTIVE)
        plan = await self._subscriptions.plan(session, facts.access_scopes)
        if plan.create:
            async with self._database.transaction() as tx:
                await installations.note_gap(tx, installation.id, is_open=True)
        refused = await self._subscriptions.carry_out(session, plan)
        created = [topic for topic in plan.create if topic not in refused]
        async with self._database.transaction() as tx:
            await installations.note_webhooks(tx, installation.id, installed=not refused)
            await installations.note_gap(tx, installation.id, is_open=False)
            if created or installation.webhooks_gap:
                await self._tell_repaired(tx, installation, created)
        metrics.webhooks_repaired.inc(len(created))
        return created

    async def _tell_repaired(self, tx: Transaction, installation: Installation, created: list[str]) -> None:
        for store in await connections.connected(tx, installation.id):
            event = WebhooksRepaired(
                store_id=store.store_id,
                advertiser_id=store.advertiser_id,
                shop_domain=installation.shop_domain,
                installation_id=installation.id,
                topics=tuple(created),
            )
            await bus_outbox.publish(tx, outbox, event, source=SHOPIFY_FETCHER, now=self._clock.now())
