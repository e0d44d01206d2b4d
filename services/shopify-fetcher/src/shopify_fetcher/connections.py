"""Connecting stores, by a code or by a claim: both ways are one once the pair is stored."""

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from secrets import token_hex
from typing import Final

import structlog

from shopify_fetcher.access.facts import read_facts
from shopify_fetcher.access.session import Access, ShopSession
from shopify_fetcher.domain.budget import Lane
from shopify_fetcher.domain.shop import ShopFacts, missing_scopes, shop_domain
from shopify_fetcher.errors import ClaimRefused, FetcherError, NotConnected, ScopesMissing, ShopMismatch
from shopify_fetcher.store import budgets, connections, credentials, installations
from shopify_fetcher.store.connections import Connection
from shopify_fetcher.store.installations import Installation
from shopify_fetcher.store.tables import outbox
from shopify_fetcher.subscriptions import Subscriptions
from sync_common.bus import outbox as bus_outbox
from sync_common.contracts.events import StoreConnected
from sync_common.contracts.resources import SHOPIFY_API_VERSION
from sync_common.contracts.topics import SHOPIFY_FETCHER
from sync_common.db import Database, Transaction
from sync_common.runtime import Clock

CLAIM_LIFETIME: Final = timedelta(hours=1)
CLAIM_BYTES: Final = 32

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, repr=False)
class Unclaimed:
    """An installation that waits for its owner; `claim` in clear is told once and kept nowhere."""

    installation_id: int
    facts: ShopFacts
    claim: str


class Connector:
    """Everything that begins a connection."""

    def __init__(
        self,
        database: Database,
        access: Access,
        subscriptions: Subscriptions,
        clock: Clock,
        *,
        scopes: tuple[str, ...],
    ) -> None:
        self._database = database
        self._access = access
        self._subscriptions = subscriptions
        self._clock = clock
        self._scopes = scopes

    async def install(self, *, shop: str, code: str) -> Unclaimed:
        """Exchange the code and check the shop, and keep the pair for whoever will know the claim.

        Nothing is connected, subscribed or told yet. Stores that are connected to the shop live on with the new pair;
        the doctor looks after them at once, since an uninstall that we have not heard of may have come before.
        """
        installation_id, facts = await self._acquire(shop_domain(shop), code)
        claim = token_hex(CLAIM_BYTES)
        async with self._database.transaction() as tx:
            await _lock_with_token(tx, installation_id)
            await installations.keep_claim(tx, installation_id, _claim_hash(claim), lifetime=CLAIM_LIFETIME)
            if await connections.connected(tx, installation_id):
                await installations.hasten_webhooks(tx, installation_id)
        log.info("installed", installation_id=installation_id)
        return Unclaimed(installation_id, facts, claim)

    async def connect(
        self, *, store_id: int, advertiser_id: int, user_id: int | None, shop: str, code: str
    ) -> tuple[int, ShopFacts]:
        """Exchange the code, check the shop, subscribe its webhooks and tell that the store is connected."""
        installation_id, facts = await self._acquire(shop_domain(shop), code)
        await self._connect(
            installation_id, facts, store_id=store_id, advertiser_id=advertiser_id, user_id=user_id
        )
        return installation_id, facts

    async def claim(
        self, *, store_id: int, advertiser_id: int, user_id: int | None, shop: str, claim: str
    ) -> tuple[int, ShopFacts]:
        """Connect a store to the installation that `claim` was made for. It is used up only if that succeeds."""
        claim_hash = _claim_hash(claim)
        installation_id, facts = await self._claimed(shop_domain(shop), claim_hash)
        await self._connect(
            installation_id,
            facts,
            store_id=store_id,
            advertiser_id=advertiser_id,
            user_id=user_id,
            claim_hash=claim_hash,
        )
        return installation_id, facts

    async def _acquire(self, shop: str, code: str) -> tuple[int, ShopFacts]:
        async with self._database.transaction() as tx:
            installation_id = await installations.ensure(tx, shop, SHOPIFY_API_VERSION)
            await budgets.ensure(tx, installation_id)
        token = await self._access.tokens.acquire(
            installation_id, lambda: self._access.shopify.exchange_code(shop, code)
        )
        return installation_id, await self._vetted(installation_id, shop, token.version)

    async def _claimed(self, shop: str, claim_hash: bytes) -> tuple[int, ShopFacts]:
        async with self._database.transaction() as tx:
            installation = await installations.find_by_shop(tx, shop)
            if installation is None or not await installations.holds_claim(tx, installation.id, claim_hash):
                raise ClaimRefused("the claim is unknown, used, too old or of another shop")
            stored = await credentials.load(tx, installation.id)
        if stored is None:
            raise NotConnected("the installation holds no token")
        return installation.id, await self._vetted(installation.id, shop, stored.token_version)

    async def _vetted(self, installation_id: int, shop: str, version: int) -> ShopFacts:
        """Read and keep the shop's facts with a pair that may serve; drop one that may not."""
        try:
            facts = await self._checked_facts(installation_id, shop)
        except (ShopMismatch, ScopesMissing):
            await self._forget_unused(installation_id, version)
            raise
        await self._save_facts(installation_id, facts)
        return facts

    async def _connect(
        self,
        installation_id: int,
        facts: ShopFacts,
        *,
        store_id: int,
        advertiser_id: int,
        user_id: int | None,
        claim_hash: bytes | None = None,
    ) -> None:
        """Connect a store with the pair that is stored, whichever way it came."""
        session = await self._session(installation_id)
        has_webhooks = await self._subscribe(session, facts)
        async with self._database.transaction() as tx:
            await _lock_with_token(tx, installation_id)
            if claim_hash is not None and not await installations.use_claim(tx, installation_id, claim_hash):
                raise ClaimRefused("the claim was used or replaced meanwhile")
            connection = await connections.connect(
                tx,
                advertiser_id=advertiser_id,
                store_id=store_id,
                installation_id=installation_id,
                user_id=user_id,
            )
            await installations.note_installed(tx, installation_id, webhooks_installed=has_webhooks)
            await self._tell_connected(tx, connection, facts, user_id)
        log.info("connected", store_id=store_id, installation_id=installation_id)

    async def refresh_facts(self, installation: Installation) -> ShopFacts:
        """Read the shop's facts and scopes again."""
        facts = await read_facts(self._access.session(installation, Lane.INTERACTIVE))
        await self._save_facts(installation.id, facts)
        return facts

    async def _checked_facts(self, installation_id: int, shop: str) -> ShopFacts:
        facts = await read_facts(await self._session(installation_id))
        if facts.domain != shop:
            raise ShopMismatch("the token belongs to another shop")
        missing = missing_scopes(self._scopes, facts.access_scopes)
        if missing:
            raise ScopesMissing(missing)
        return facts

    async def _subscribe(self, session: ShopSession, facts: ShopFacts) -> bool:
        try:
            plan = await self._subscriptions.plan(session, facts.access_scopes)
            return not await self._subscriptions.carry_out(session, plan)
        except FetcherError as error:  # the doctor tries again; the first sync need not wait for it
            log.warning("subscribe_failed", installation_id=session.installation.id, code=error.code)
            return False

    async def _session(self, installation_id: int) -> ShopSession:
        async with self._database.transaction() as tx:
            installation = await installations.find(tx, installation_id)
        if installation is None:
            raise NotConnected("the installation does not exist")
        return self._access.session(installation, Lane.INTERACTIVE)

    async def _save_facts(self, installation_id: int, facts: ShopFacts) -> None:
        async with self._database.transaction() as tx:
            await installations.save_facts(tx, installation_id, facts)

    async def _forget_unused(self, installation_id: int, version: int) -> None:
        """Drop a pair that cannot serve, unless connected stores live on it."""
        async with self._database.transaction() as tx:
            await installations.lock(tx, installation_id)
            if await connections.connected(tx, installation_id):
                return
            if await credentials.forget(tx, installation_id, seen=version):
                await installations.forget_claim(tx, installation_id)

    async def _tell_connected(
        self, tx: Transaction, connection: Connection, facts: ShopFacts, user_id: int | None
    ) -> None:
        event = StoreConnected(
            store_id=connection.store_id,
            advertiser_id=connection.advertiser_id,
            shop_domain=facts.domain,
            installation_id=connection.installation_id,
            generation=connection.generation,
            connected_at=connection.connected_at,
            connected_by_user_id=user_id,
            reconnected=connection.generation > 1,
            timezone=facts.timezone,
        )
        await bus_outbox.publish(tx, outbox, event, source=SHOPIFY_FETCHER, now=self._clock.now())


async def _lock_with_token(tx: Transaction, installation_id: int) -> None:
    await installations.lock(tx, installation_id)
    if await credentials.load(tx, installation_id) is None:
        raise NotConnected("the shop was disconnected while it was being connected")


def _claim_hash(claim: str) -> bytes:
    return sha256(claim.encode()).digest()
