"""The job ledger, the end marks of parts, and the webhook deliveries seen."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from record_writer.store.records import as_json
from record_writer.store.sql import query
from sync_common.contracts.resources import Resource
from sync_common.db import Transaction, raw_cursor


class Verdict(NamedTuple):
    """What became of some records of a job; `field` and `reason` only where they failed."""

    advertiser_id: int
    store_id: int
    job_id: int
    epoch: int
    outcome: str
    field: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """The end of a part, as seen on one partition."""

    advertiser_id: int
    store_id: int
    job_id: int
    epoch: int
    partition: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook delivery as it reached one store."""

    advertiser_id: int
    store_id: int
    topic: str
    webhook_id: str
    shopify_event_id: str | None
    digest: str
    triggered_at: datetime | None
    received_at: datetime
    outcome: str


async def note_outcomes(
    tx: Transaction, resource: Resource, outcomes: Mapping[Verdict, AbstractSet[str]]
) -> None:
    """Add to the ledger what is not in it yet, given which records share a verdict.

    The first outcome of a record stays, unless it was a failure. What comes for a job whose books are
    closed is left out.
    """
    listed = [
        verdict._asdict() | {"external_ids": "\n".join(sorted(ids))}
        for verdict, ids in _once(outcomes)
        if ids
    ]
    if listed:
        async with raw_cursor(tx) as cursor:
            await cursor.execute(query("note_outcomes"), {"resource": resource, "verdicts": as_json(listed)})


def _once(outcomes: Mapping[Verdict, AbstractSet[str]]) -> Iterable[tuple[Verdict, AbstractSet[str]]]:
    """Leave one verdict for each record of a job: a batch can hold one twice, and fail to read it once."""
    noted: dict[int, set[str]] = defaultdict(set)
    for verdict in sorted(outcomes, key=lambda one: one.outcome == "failed"):
        ids = outcomes[verdict] - noted[verdict.job_id]
        noted[verdict.job_id] |= ids
        yield verdict, ids


async def note_marks(tx: Transaction, resource: Resource, marks: Iterable[Mark]) -> None:
    """Note end marks, each once."""
    if rows := list(marks):
        async with raw_cursor(tx) as cursor:
            await cursor.execute(query("note_marks"), {"resource": resource, "marks": as_json(rows)})


async def replayed(tx: Transaction, bodies: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Claim bodies for their shops, as (digest, shop); return those that were another shop's before."""
    if not (rows := [{"digest": digest, "shop_domain": shop} for digest, shop in sorted(set(bodies))]):
        return set()
    async with raw_cursor(tx) as cursor:
        await cursor.execute(query("claim_digests"), {"digests": as_json(rows)})
        return {(digest, shop) for digest, shop in await cursor.fetchall()}


async def note_deliveries(tx: Transaction, seen: Iterable[Delivery]) -> None:
    """Note deliveries, each once per store."""
    if rows := list(seen):
        async with raw_cursor(tx) as cursor:
            await cursor.execute(query("note_deliveries"), {"deliveries": as_json(rows)})


async def close_jobs(tx: Transaction, *, quiet: timedelta, limit: int) -> bool:
    """Close the books of jobs that nothing was written to for so long; False when there are none left.

    From then on they answer what they answered, and take no more outcomes.
    """
    async with raw_cursor(tx) as cursor:
        await cursor.execute(query("close_jobs"), {"quiet": quiet, "limit": limit})
        return cursor.rowcount > 0


async def fold_ledger(tx: Transaction, *, unsettled: timedelta, limit: int) -> bool:
    """Delete the next rows of a closed job's ledger; False when every ledger is folded."""
    async with raw_cursor(tx) as cursor:
        await cursor.execute(query("fold_ledger"), {"unsettled": unsettled, "limit": limit})
        return cursor.rowcount > 0


async def fold_row_tallies(tx: Transaction, *, limit: int) -> bool:
    """Fold tallies of the same store into one; False when these were the last, or all but those that came meanwhile."""
    async with raw_cursor(tx) as cursor:
        await cursor.execute(query("fold_row_tallies"), {"limit": limit})
        return cursor.rowcount == limit


async def forget_surplus_deliveries(tx: Transaction, *, kept: int, limit: int) -> bool:
    """Delete deliveries that are not among the last of their store; False when there are no more."""
    async with raw_cursor(tx) as cursor:
        await cursor.execute(query("forget_surplus_deliveries"), {"kept": kept, "limit": limit})
        return cursor.rowcount > 0


async def forget_old_deliveries(tx: Transaction, *, kept: timedelta, limit: int) -> bool:
    """Delete deliveries and the digests of their bodies once they are old; False when there are no more."""
    deleted = 0
    async with raw_cursor(tx) as cursor:
        for table, since in (("deliveries", "applied_at"), ("delivery_digests", "first_seen_at")):
            statement = query("forget_old").format(table=table, since=since)
            await cursor.execute(statement, {"kept": kept, "limit": limit})
            deleted += cursor.rowcount
    return deleted > 0
