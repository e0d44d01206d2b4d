"""Whose a record is: the published views of gateway and fetcher say which stores belong to a shop."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from record_writer.domain.batches import Target
from record_writer.store.sql import query
from sync_common.db import Transaction, raw_cursor


@dataclass(frozen=True, slots=True)
class Connection:
    """A store of a shop; `ended_at` is None while it is connected."""

    target: Target
    ended_at: datetime | None

    def receives(self, observed_at: datetime) -> bool:
        """Say whether a webhook observed then is this store's.

        What Shopify told while we were connected is applied, however late it is read; what it tells afterwards is
        not. So the outcome does not depend on how fast the webhook travelled.
        """
        return self.ended_at is None or observed_at <= self.ended_at


@dataclass(frozen=True, slots=True)
class Directory:
    """The stores that a batch speaks of."""

    by_shop: dict[str, list[Connection]]
    by_store: dict[int, Target]


async def look_up(tx: Transaction, *, shops: Iterable[str], store_ids: Iterable[int]) -> Directory:
    """Return the stores of these shops, and these stores."""
    by_shop: dict[str, list[Connection]] = {}
    by_store: dict[int, Target] = {}
    async with raw_cursor(tx) as cursor:
        if wanted := sorted(set(shops)):
            await cursor.execute(query("targets_of_shops"), {"shops": wanted})
            for shop, advertiser_id, store_id, status, disconnected_at in await cursor.fetchall():
                ended_at = (
                    None if status == "connected" else disconnected_at or datetime.min.replace(tzinfo=UTC)
                )
                connection = Connection(Target(advertiser_id, store_id, shop), ended_at)
                by_shop.setdefault(shop, []).append(connection)
        if ids := sorted(set(store_ids)):
            await cursor.execute(query("targets_of_stores"), {"store_ids": ids})
            for store_id, advertiser_id, shop in await cursor.fetchall():
                by_store[store_id] = Target(advertiser_id, store_id, shop)
    return Directory(by_shop, by_store)
