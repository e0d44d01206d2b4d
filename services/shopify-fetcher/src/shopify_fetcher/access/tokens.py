"""Access tokens that work: read, refreshed ahead of their end, one refresh at a time per installation."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeVar
from uuid import UUID, uuid4

import structlog

from shopify_fetcher import metrics
from shopify_fetcher.access.journal import journal
from shopify_fetcher.access.vault import Vault
from shopify_fetcher.clients.answers import TokenPair
from shopify_fetcher.clients.shopify import ShopifyClient
from shopify_fetcher.errors import FetcherError, NotConnected, Throttled, TokenRefused, Transient
from shopify_fetcher.store import credentials, installations
from shopify_fetcher.store.credentials import StoredCredentials
from sync_common.db import Database

REFRESH_AHEAD: Final = timedelta(minutes=5)
TOKEN_LEASE: Final = timedelta(seconds=45)
TOKEN_CALL_SECONDS: Final = (
    30.0  # well within the lease: nobody else may ask while an answer is still on its way
)
WAIT_FOR_OTHERS_SECONDS: Final = 30.0
LOOK_AGAIN_SECONDS: Final = 0.05

Claimed = TypeVar("Claimed")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, repr=False)
class AccessToken:
    """A token in clear, for the next call only. `version` says which stored pair it came from."""

    value: str
    version: int


class TokenKeeper:
    """Hands out access tokens. Nothing in clear is kept, and no transaction is open while Shopify is asked."""

    def __init__(self, database: Database, shopify: ShopifyClient, vault: Vault) -> None:
        self._database = database
        self._shopify = shopify
        self._vault = vault

    async def acquire(
        self, installation_id: int, exchange: Callable[[], Awaitable[TokenPair]]
    ) -> AccessToken:
        """Acquire a new pair, which kills the earlier one, and persist it before it is used.

        Under the token lease: a refresh of the dying pair waits, and two acquisitions are stored in the order
        in which Shopify made them.
        """
        owner = uuid4()

        async def claim() -> bool | None:
            async with self._database.transaction() as tx:
                held = await installations.claim_token_lease(
                    tx, installation_id, owner=owner, lease=TOKEN_LEASE
                )
            return held or None

        await _until(claim)
        async with self._released_after(installation_id, owner):
            with journal("exchange_code", installation_id):
                async with _in_time():
                    pair = await exchange()
            sealed = self._vault.seal_new(installation_id, pair)
            async with self._database.transaction() as tx:
                version = await credentials.save_first(tx, installation_id, sealed)
            return AccessToken(pair.access_token, version)

    async def current(self, installation_id: int, shop: str) -> AccessToken:
        """Return a token with life left, refreshed if need be; raise NotConnected or TokenRefused."""
        stored = await self._load(installation_id)
        if stored.life_left is None or stored.life_left > REFRESH_AHEAD:
            return self._opened(stored)
        try:
            return await self.refreshed(installation_id, shop, seen=stored.token_version)
        except (Transient, Throttled):
            if stored.life_left > timedelta(seconds=5):
                return self._opened(stored)  # it still works, and the next call tries again
            raise

    async def refreshed(self, installation_id: int, shop: str, *, seen: int) -> AccessToken:
        """Return a pair newer than `seen`, refreshing it unless another caller does.

        Raise TokenRefused when Shopify says that the refresh token is dead and nobody has stored a newer pair.
        """
        owner = uuid4()

        async def claim() -> StoredCredentials | AccessToken | None:
            stored = await self._load(installation_id)
            if stored.token_version != seen:
                return self._opened(stored)
            async with self._database.transaction() as tx:
                return await credentials.claim_refresh(
                    tx, installation_id, seen=seen, owner=owner, lease=TOKEN_LEASE
                )

        claimed: StoredCredentials | AccessToken = await _until(claim)
        if isinstance(claimed, AccessToken):
            return claimed
        async with self._released_after(installation_id, owner):
            return await self._refresh(claimed, shop)

    async def _refresh(self, stored: StoredCredentials, shop: str) -> AccessToken:
        try:
            async with _in_time():
                pair = await self._ask_for_pair(stored, shop)
        except TokenRefused as error:
            latest = await self._load(stored.installation_id)  # another process may have been faster
            if latest.token_version != stored.token_version:
                return self._opened(latest)
            raise TokenRefused(str(error), version=stored.token_version) from None
        sealed = self._vault.seal_next(stored, pair)
        async with self._database.transaction() as tx:
            version = await credentials.rotate(
                tx, stored.installation_id, seen=stored.token_version, pair=sealed
            )
        if version is None:  # connected anew meanwhile: that pair is the living one
            return self._opened(await self._load(stored.installation_id))
        metrics.token_refreshes.labels("refreshed").inc()
        return AccessToken(pair.access_token, version)

    async def _ask_for_pair(self, stored: StoredCredentials, shop: str) -> TokenPair:
        refusal: FetcherError = TokenRefused("the access token was refused and cannot be refreshed")
        for refresh_token in self._vault.refresh_tokens(stored):
            try:
                with journal("refresh_token", stored.installation_id):
                    return await self._shopify.refresh(shop, refresh_token)
            except TokenRefused as error:
                refusal = error
            except FetcherError:
                metrics.token_refreshes.labels("failed").inc()
                raise
        metrics.token_refreshes.labels("refused").inc()
        raise refusal

    async def _load(self, installation_id: int) -> StoredCredentials:
        async with self._database.transaction() as tx:
            stored = await credentials.load(tx, installation_id)
        if stored is None:
            raise NotConnected("the installation holds no token")
        return stored

    def _opened(self, stored: StoredCredentials) -> AccessToken:
        return AccessToken(self._vault.access_token(stored), stored.token_version)

    @asynccontextmanager
    async def _released_after(self, installation_id: int, owner: UUID) -> AsyncIterator[None]:
        try:
            yield
        finally:
            async with self._database.transaction() as tx:
                await installations.release_token_lease(tx, installation_id, owner=owner)


@asynccontextmanager
async def _in_time() -> AsyncIterator[None]:
    """Bound a call of the token endpoint as a whole, however slowly its answer drips."""
    try:
        async with asyncio.timeout(TOKEN_CALL_SECONDS):
            yield
    except TimeoutError:
        raise Transient("the token endpoint did not answer in time") from None


async def _until(claim: Callable[[], Awaitable[Claimed | None]]) -> Claimed:
    """Try until the claim succeeds; give up when another process has held the lease for too long."""
    deadline = time.monotonic() + WAIT_FOR_OTHERS_SECONDS
    while (claimed := await claim()) is None:
        if time.monotonic() > deadline:
            raise Transient("another process has held the token lease for too long")
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
    return claimed
