"""Delivers told histories to the writer, answers the refetches it asks for, and compares its rows with the truth.

Independent records travel in shared batches, so that thousands of deliveries take seconds.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from record_writer.domain.orders import PERSONAL
from record_writer.domain.rows import CANONICAL, ROWS
from sync_common.bus import Done, Message
from sync_common.contracts.events import RefetchRequested
from sync_common.contracts.records import RawRecord
from sync_common.contracts.resources import Resource

from .histories import Delivery, Event, History, Told, tell
from .world import World

TABLES = {Resource.CUSTOMERS: "contacts", Resource.ORDERS: "orders", Resource.PRODUCTS: "products"}
STORES = (1, 2)
"""Both belong to the shop: webhooks and reads by id reach both, the job's pages the first."""

CONTROL_STORE = 3
"""A store that is told nothing but the truth."""

ANSWERED_AT = 1_000.0
ROUNDS_MAX = 5


class Mirror:
    """One database through many histories; each record has a number of its own."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._last_number = 1_000
        self._last_event = 0
        self._answers = 0
        self._paged = Counter[Resource]()

    async def failures(self, cases: Sequence[tuple[History, Delivery]]) -> list[str | None]:
        """Deliver each history as told; say for each how its rows differ from the truth, or None where they do not."""
        told = [tell(self.world, history, self._next_number()) for history, _ in cases]
        eager = {one.number for one, (_, delivery) in zip(told, cases, strict=True) if delivery.eager}
        pending: dict[int, Told] = {}
        runs = [_phases(delivery, one.events) for one, (_, delivery) in zip(told, cases, strict=True)]
        by_number = {one.number: one for one in told}
        self._paged.update(one.resource for one in told if one.has_page)
        for phase in zip_longest(*runs):
            await self._deliver([event for events in phase if events for event in events])
            pending |= await self._asked(by_number)
            for _ in range(ROUNDS_MAX):
                due = {number: pending.pop(number) for number in eager & pending.keys()}
                if not due:
                    break
                await self._answer(list(due.values()))
                pending |= await self._asked(by_number)
        pending |= {one.number: one for one in told if one.is_restored}
        return await self._settled(told, pending, by_number)

    async def _settled(
        self, told: Sequence[Told], pending: dict[int, Told], by_number: dict[int, Told]
    ) -> list[str | None]:
        for _ in range(ROUNDS_MAX):
            if not pending:
                break
            await self._answer(list(pending.values()))
            pending = await self._asked(by_number)
        found = await self._differences(told)
        return [
            "a refetch asks for another one without end" if one.number in pending else found.get(one.number)
            for one in told
        ]

    async def unbalanced(self) -> list[dict[str, Any]]:
        """Return what the job's ledger holds beside the records that its pages brought, or counts otherwise."""
        return await self.world.rows(
            """
            SELECT resource, outcome, sum(number) AS difference
            FROM (
                SELECT resource, outcome, 1 AS number FROM records.job_ledger WHERE job_id = 5
                UNION ALL
                SELECT resource, outcome, -number
                FROM records.job_tallies CROSS JOIN LATERAL (VALUES ('created', created), ('updated', updated),
                    ('unchanged', unchanged), ('skipped', skipped), ('failed', failed)) AS tally (outcome, number)
                WHERE job_id = 5
                UNION ALL
                SELECT resource, 'all', -count(*) FROM records.job_ledger WHERE job_id = 5 GROUP BY resource
                UNION ALL
                SELECT resource, 'all', number
                FROM unnest(%(resources)s::text[], %(numbers)s::bigint[]) AS paged (resource, number)
            ) AS accounts
            GROUP BY resource, outcome
            HAVING sum(number) <> 0
            """,
            resources=list(self._paged),
            numbers=list(self._paged.values()),
        )

    def _next_number(self) -> int:
        self._last_number += 1
        return self._last_number

    async def _deliver(self, events: Sequence[Event]) -> None:
        by_resource = defaultdict[Resource, list[RawRecord]](list)
        for event in events:
            if not isinstance(event, Message):
                by_resource[event.resource].append(event)
        outcomes = [outcome for raws in by_resource.values() for outcome in await self.world.write(*raws)]
        if requests := [event for event in events if isinstance(event, Message)]:
            outcomes += await self.world.comply_with(*requests)
        assert set(outcomes) <= {Done()}, set(outcomes)

    async def _asked(self, by_number: dict[int, Told]) -> dict[int, Told]:
        """Return the records that the writer has asked for since the last time."""
        rows = await self.world.rows(
            "SELECT id, body FROM records.outbox WHERE topic = 'refetch.requested.v1' AND id > %(last)s ORDER BY id",
            last=self._last_event,
        )
        self._last_event = rows[-1]["id"] if rows else self._last_event
        events = [RefetchRequested.model_validate_json(row["body"]) for row in rows]
        asked = [by_number.get(int(record_id)) for event in events for record_id in event.record_ids]
        return {one.number: one for one in asked if one is not None}

    async def _answer(self, told: Sequence[Told]) -> None:
        """Answer as Shopify would after the whole history, each time later than before."""
        self._answers += 1
        observed = ANSWERED_AT + self._answers
        await self._deliver(
            [
                self.world.gone(one.resource, one.number, observed)
                if one.truth is None
                else self.world.read(one.resource, one.truth, observed, job_id=None)
                for one in told
            ]
        )

    async def _differences(self, told: Sequence[Told]) -> dict[int, str]:
        await self._deliver(
            [
                self.world.read(
                    one.resource,
                    one.truth,
                    ANSWERED_AT,
                    job_id=9,
                    store_id=CONTROL_STORE,
                    shop="other.myshopify.com",
                )
                for one in told
                if one.truth is not None
            ]
        )
        found: dict[int, str] = {}
        for resource, table in TABLES.items():
            some = {one.number: one for one in told if one.resource is resource}
            rows = await self.world.rows(
                f"SELECT * FROM records.{table} WHERE external_id = ANY (%(ids)s)",
                ids=[str(number) for number in some],
            )
            stored = {(row["source_id"], int(row["external_id"])): row for row in rows}
            for number, one in some.items():
                true = stored.get((CONTROL_STORE, number))
                for store_id in STORES:
                    if problem := _problem(one, stored.get((store_id, number)), true, store_id):
                        found[number] = f"store {store_id}: {problem}"
        return found


def _phases(delivery: Delivery, events: Sequence[Event]) -> list[list[Event]]:
    """Return a delivery's batches; a request to redact is never in one with records, for it has a topic of its own."""
    phases: list[list[Event]] = []
    for batch in delivery.batches(events):
        alone = True
        for event in batch:
            if alone or isinstance(event, Message):
                phases.append([])
            phases[-1].append(event)
            alone = isinstance(event, Message)
    return phases


def _problem(
    told: Told, row: dict[str, Any] | None, true: dict[str, Any] | None, store_id: int
) -> str | None:
    """Say how a row differs from what a store holds that was told nothing but the truth."""
    is_live = row is not None and row["deleted_at"] is None
    if told.is_erased and told.resource is Resource.CUSTOMERS:
        return "an erased customer is there" if row is not None else None
    if told.is_erased and row is not None and (kept := [name for name in PERSONAL if row[name] is not None]):
        return f"an erased order keeps {kept}"
    if told.truth is None:
        return "a deleted record lives" if is_live else None
    if row is None or true is None or not is_live:
        return "a record is missing"
    compared = {*CANONICAL[ROWS[told.resource]], "updated_at_source", "content_hash"}
    if told.is_erased:  # the fingerprint is of what is left, or none until the next full record
        compared -= {*PERSONAL, "content_hash"}
    wrong = {name: (row[name], true[name]) for name in sorted(compared) if row[name] != true[name]}
    return f"stored and true differ: {wrong}" if wrong else None
