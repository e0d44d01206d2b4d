"""Access tokens that work: read, refreshed ahead of their end, one refresh at a time per installation."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import uuid4

import structlog

from shopify_fetcher import metrics
from shopify_fetcher.access.vault import Vault
from shopify_fetcher.clients.shopify import ShopifyClient, TokenPair
from shopify_fetcher.errors import FetcherError, NotConnected, TokenRefused, Transient
from shopify_fetcher.store import credentials
from shopify_fetcher.store.credentials import StoredCredentials
from sync_common.db import Database

REFRESH_AHEAD: Final = timedelta(minutes=5)
REFRESH_LEASE: Final = timedelta(seconds=45)
WAIT_FOR_OTHERS_SECONDS: Final = 30.0
LOOK_AGAIN_SECONDS: Final = 0.05

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

    async def store_first(self, installation_id: int, pair: TokenPair) -> AccessToken:
        """Persist a pair that a code was exchanged for; only then may it be used."""
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
        except Transient:
            if stored.life_left > timedelta(seconds=5):
                return self._opened(stored)  # it still works, and the next call tries again
            raise

    async def refreshed(self, installation_id: int, shop: str, *, seen: int) -> AccessToken:
        """Return a pair newer than `seen`, refreshing it unless another caller does.

        Raise TokenRefused when Shopify says that the refresh token is dead and nobody has stored a newer pair.
        """
        owner = uuid4()
        deadline = asyncio.get_running_loop().time() + WAIT_FOR_OTHERS_SECONDS
        while True:
            stored = await self._load(installation_id)
            if stored.token_version != seen:
                return self._opened(stored)
            async with self._database.transaction() as tx:
                claimed = await credentials.claim_refresh(
                    tx, installation_id, seen=seen, owner=owner, lease=REFRESH_LEASE
                )
            if claimed is not None:
                try:
                    return await self._refresh(claimed, shop)
                finally:
                    async with self._database.transaction() as tx:
                        await credentials.release_refresh(tx, installation_id, owner=owner)
            if asyncio.get_running_loop().time() > deadline:
                raise Transient("another process has been refreshing the token for too long")
            await asyncio.sleep(LOOK_AGAIN_SECONDS)

    async def _refresh(self, stored: StoredCredentials, shop: str) -> AccessToken:
        try:
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
