"""Wraps the data keys of all installations anew after the master key has changed; tokens stay readable meanwhile."""

from dataclasses import dataclass
from typing import Final

import structlog

from shopify_fetcher.access.vault import Vault
from shopify_fetcher.errors import TokenUnreadable
from shopify_fetcher.store import credentials
from sync_common.db import Database

ROWS_AT_ONCE: Final = 200

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Step:
    """What one step of a rotation did. `next` is where the next one begins, None at the end.

    `keys` says how many installations each master key seals after it; `unreadable` ones need a key that is gone.
    """

    key_id: str
    rewrapped: int
    unreadable: int
    next: int | None
    keys: dict[str, int]


class KeyRotation:
    """Rotates the master key online. It may stop anywhere and begin again: what is done is not done twice."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def step(self, after: int) -> Step:
        """Wrap some data keys of installations behind `after` by the master key that seals now."""
        key_id, rewrapped, unreadable = self._vault.key_id, 0, 0
        async with self._database.transaction() as tx:
            rows = await credentials.sealed_otherwise(tx, key_id=key_id, after=after, limit=ROWS_AT_ONCE)
        for installation_id, data_key in rows:
            try:
                fresh = self._vault.rewrapped(installation_id, data_key)
            except TokenUnreadable as error:
                log.error("data_key_unreadable", installation_id=installation_id, reason=str(error))
                unreadable += 1
                continue
            async with self._database.transaction() as tx:
                rewrapped += await credentials.replace_data_key(
                    tx, installation_id, seen=data_key, data_key=fresh, key_id=key_id
                )
        async with self._database.transaction() as tx:
            keys = await credentials.count_by_key(tx)
        return Step(key_id, rewrapped, unreadable, rows[-1][0] if rows else None, keys)
