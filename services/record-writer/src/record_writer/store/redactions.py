"""The list of the erased."""

from collections.abc import Iterable, Sequence

from record_writer.domain.batches import Item
from record_writer.domain.redaction import Hasher, Redactions, Subject
from record_writer.store.sql import query
from sync_common.contracts.resources import Resource
from sync_common.db import Transaction, raw_cursor


async def load(tx: Transaction, hasher: Hasher, resource: Resource, items: Sequence[Item]) -> Redactions:
    """Return the redactions that concern these changes; most shops have none."""
    shops = await _redacted(tx, hasher, {item.target.shop for item in items})
    if not shops:
        return Redactions(hasher)
    wanted = {
        key
        for item in items
        if item.target.shop in shops
        for key in hasher.keys_of(resource, item.target, item.change)
    }
    async with raw_cursor(tx) as cursor:
        kinds, keys = zip(*sorted(wanted), strict=True)
        await cursor.execute(query("redactions_among"), {"kinds": list(kinds), "keys": list(keys)})
        known = {(kind, bytes(key)): redacted_at for kind, key, redacted_at in await cursor.fetchall()}
    return Redactions(hasher, known)


async def _redacted(tx: Transaction, hasher: Hasher, shops: Iterable[str]) -> set[str]:
    by_key = {hasher.key(Subject.SHOP, shop): shop for shop in shops}
    async with raw_cursor(tx) as cursor:
        await cursor.execute(query("redactions_of_shops"), {"keys": list(by_key)})
        return {by_key[bytes(key)] for (key,) in await cursor.fetchall()}
