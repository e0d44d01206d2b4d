"""Writing a batch of one resource: delete, restore, drop what may not be written, upsert if newer, link, report."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from record_writer.domain.batches import Item, Key, Plan, Target
from record_writer.store.sql import query, statement
from record_writer.store.staging import Cursor, GiveWay, stage
from sync_common.contracts.resources import Resource
from sync_common.db import Transaction, raw_cursor


@dataclass(slots=True)
class Written:
    """What became of a batch: an outcome per key, and the keys to read again and why."""

    outcomes: dict[Key, str] = field(default_factory=dict)
    ties: set[Key] = field(default_factory=set)
    hints: set[Key] = field(default_factory=set)


class Place(NamedTuple):
    """Where a sweep has come to."""

    updated_at: datetime | str
    advertiser_id: int
    id: int


NEWEST: Final = Place("infinity", 0, 0)
UNSETTLED_SECONDS: Final = 180.0  # longer than two batches that overlap: the bus ends each after a minute
SWEPT_MAX: Final = 5_000


def as_json(rows: Iterable[Any]) -> str:
    """Return rows (dicts or dataclasses) as one parameter for jsonb_to_recordset, however many they are."""
    return msgspec.json.encode(list(rows)).decode()


async def write(
    tx: Transaction, resource: Resource, plan: Plan, *, give_way: GiveWay | None = None
) -> Written:
    """Apply a plan in the caller's transaction, once in each."""
    written = Written(ties=set(plan.ties))
    async with raw_cursor(tx) as cursor:
        await _mark(cursor, "delete_records", resource, plan.deletions, written)
        await _mark(cursor, "restore_records", resource, plan.restorations, written)
        if any(plan.rounds) or plan.restorations:
            await stage(cursor, resource, plan, give_way)
            await _drop_deleted(cursor, resource, written)
            if plan.partial:
                await cursor.execute(statement("lock_staged", resource))
            if plan.full:
                await _upsert(cursor, resource, plan, written)
            await _apply_partial(cursor, resource, plan, written)
            if resource is Resource.CUSTOMERS:
                await cursor.execute(query("link_contacts"), {"restored": _listed(plan.restorations)})
    return written


async def known_bodies(
    tx: Transaction, resource: Resource, bodies: Iterable[tuple[Target, str, bytes]]
) -> set[tuple[Key, bytes]]:
    """Say which records (target, id, fingerprint of the body) are stored from the very same bytes already.

    Their bodies need not be read: half of what a record costs, and nearly all there is to do in a full sync that finds
    nothing new. Whatever changes such a row meanwhile is newer than its body, so the answer stays true.
    """
    by_store: dict[Target, list[tuple[str, str]]] = defaultdict(list)
    for target, external_id, fingerprint in bodies:
        if external_id.isdecimal():
            by_store[target].append((external_id, fingerprint.hex()))
    if not by_store:
        return set()
    listed = as_json(
        {
            "advertiser_id": target.advertiser_id,
            "store_id": target.store_id,
            "external_ids": " ".join(external_id for external_id, _ in some),
            "body_hashes": " ".join(fingerprint for _, fingerprint in some),
        }
        for target, some in by_store.items()
    )
    async with raw_cursor(tx) as cursor:
        await cursor.execute(statement("known_bodies", resource), {"listed": listed})
        return {
            (Key(advertiser_id, store_id, external_id), bytes.fromhex(fingerprint))
            for advertiser_id, store_id, external_ids, fingerprints in await cursor.fetchall()
            for external_id, fingerprint in zip(external_ids, fingerprints, strict=True)
        }


async def _mark(
    cursor: Cursor, name: str, resource: Resource, items: Sequence[Item], written: Written
) -> None:
    """Delete records or restore them; both leave their moment among the tombstones."""
    if not items:
        return
    await cursor.execute(statement(name, resource), {"resource": resource, "listed": _listed(items)})
    _note(await cursor.fetchall(), "updated", written)
    for item in items:
        written.outcomes.setdefault(item.key, "unchanged")


def _listed(items: Sequence[Item]) -> str:
    return as_json(item.key._asdict() | {"observed_at": item.change.observed_at} for item in items)


async def _drop_deleted(cursor: Cursor, resource: Resource, written: Written) -> None:
    await cursor.execute(query("drop_deleted"), {"resource": resource})
    written.outcomes.update((Key(*row), "skipped") for row in await cursor.fetchall())


async def _upsert(cursor: Cursor, resource: Resource, plan: Plan, written: Written) -> None:
    await cursor.execute(statement("upsert_records", resource))
    settling = {item.key for item in plan.full if item.change.settles}
    returned = 0
    for outcome, tied, advertiser_id, store_id, external_ids in await cursor.fetchall():
        keys = [Key(advertiser_id, store_id, external_id) for external_id in external_ids]
        written.outcomes.update(dict.fromkeys(keys, outcome))
        returned += len(keys)
        if tied:
            written.ties.update(key for key in keys if key not in settling)
    if returned < len(plan.full):
        await cursor.execute(statement("stale_ties", resource))
        stale = {Key(*row) for row in await cursor.fetchall()}
        written.ties |= stale - settling
    for item in plan.full:
        written.outcomes.setdefault(item.key, "unchanged")


async def _apply_partial(cursor: Cursor, resource: Resource, plan: Plan, written: Written) -> None:
    for number, items in enumerate(plan.partial, start=1):
        parameters = {"round": number}
        if any(item.change.creates for item in items):
            await cursor.execute(statement("insert_partial", resource), parameters)
            _note(await cursor.fetchall(), "created", written)
        await cursor.execute(statement("update_partial", resource), parameters)
        _note(await cursor.fetchall(), "updated", written)
        for item in items:
            written.outcomes.setdefault(item.key, "unchanged")
    if plan.partial:
        await cursor.execute(statement("partial_to_refetch", resource))
        written.hints |= {Key(*row) for row in await cursor.fetchall()}


def _note(rows: Iterable[tuple[int, int, str]], outcome: str, written: Written) -> None:
    for row in rows:
        key = Key(*row)
        if written.outcomes.get(key) != "created":
            written.outcomes[key] = outcome


async def sweep_links(
    tx: Transaction,
    *,
    before: Place,
    horizon_seconds: float,
    limit: int,
    store_ids: Sequence[int] | None = None,
) -> tuple[int, Place | None]:
    """Link orders that were written within the horizon and still want a better contact, newest first.

    Looks at `limit` orders from `before` on, of these stores or of all; returns how many it linked, and where to go
    on unless that was the end.
    """
    parameters = before._asdict() | {
        "horizon_seconds": horizon_seconds,
        "limit": limit,
        "store_ids": None if store_ids is None else list(store_ids),
    }
    async with raw_cursor(tx) as cursor:
        await cursor.execute(query("sweep_links"), parameters)
        ((linked, *last),) = await cursor.fetchall()
    return linked, None if last[0] is None else Place(*last)


async def sweep_stores(tx: Transaction, store_ids: Iterable[int]) -> None:
    """Link what batches of these stores that overlapped just now could not see of each other.

    The caller's batch may hold records that are not committed yet, and so may another one that ends a part. So they
    take turns from here to their commit: whichever comes last sees what all the others brought.
    """
    place: Place | None = NEWEST
    stores = sorted(store_ids)
    async with raw_cursor(tx) as cursor:
        await cursor.execute(query("lock_links"), {"store_ids": stores})
    while place is not None:
        _, place = await sweep_links(
            tx, before=place, horizon_seconds=UNSETTLED_SECONDS, limit=SWEPT_MAX, store_ids=stores
        )


async def lock_shops(tx: Transaction, shared: Iterable[str], exclusive: Iterable[str] = ()) -> None:
    """Hold the shops' locks until the transaction ends, taken in one order by everybody.

    Batches share it. A batch that deletes, and a redaction, hold it alone: otherwise a concurrent batch that
    checked before them could write after them. It is a shop's, not a store's, because what is erased is the shop's.
    """
    alone = set(exclusive)
    listed = as_json({"shop": shop, "alone": shop in alone} for shop in {*shared, *alone})
    async with raw_cursor(tx) as cursor:
        await cursor.execute(query("lock_shops"), {"shops": listed})
