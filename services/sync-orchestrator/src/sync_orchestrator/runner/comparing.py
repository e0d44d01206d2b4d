"""Compare one resource of a store with Shopify, down to the very records, and put right what differs."""

import asyncio
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from sync_common.bus.waiting import pause
from sync_common.contracts.events.lifecycle import JobType
from sync_common.contracts.resources import Resource
from sync_common.db import Transaction
from sync_orchestrator.clients.fetcher import IDS_AT_ONCE_MAX
from sync_orchestrator.domain.checks import (
    PASSES_MAX,
    REPAIRS_MAX,
    Check,
    DeletionState,
    Proof,
    Scope,
    must_wait,
    scope_of,
)
from sync_orchestrator.domain.jobs import PartState
from sync_orchestrator.domain.mirror import ALL_IDS, Differences, IdRange, Ids, is_listed
from sync_orchestrator.domain.model import Job
from sync_orchestrator.domain.planning import ReadMode
from sync_orchestrator.errors import MirrorTooShort, Stopping
from sync_orchestrator.runner.deleting import publish_restored
from sync_orchestrator.runner.tools import Tools
from sync_orchestrator.store import checks, jobs, mirror, parts, refetches

HOLD_SECONDS: Final = 5.0


class Comparison:
    """One resource of one check.

    What a look finds is looked at again after a grace, since webhooks and Shopify's index lag. Then missing records
    are read by id, and surplus ones asked for by id and deleted where Shopify proves them gone. A busy shop is looked
    at some times more. The proof holds the counts as they ended, and the differences as they were found.
    """

    def __init__(
        self, tools: Tools, check: Check, resource: Resource, stop: asyncio.Event, *, sees_all_orders: bool
    ) -> None:
        self._tools = tools
        self._check = check
        self._resource = resource
        self._stop = stop
        self._sees_all_orders = sees_all_orders
        self._grace = timedelta(seconds=tools.limits.check_grace_seconds)

    async def prove(self) -> Proof:
        """Compare, repair, compare again."""
        async with self._tools.database.transaction() as tx:
            now = await mirror.now(tx)
        scope = scope_of(self._resource, now, grace=self._grace, sees_all_orders=self._sees_all_orders)
        unseen, lost_changes = await self._after_full_read(scope)
        found = Differences()
        for _ in range(PASSES_MAX):
            seen = (await self._look(scope) | Differences(surplus=unseen)) - found
            unseen = frozenset()
            if not seen:
                break
            await self._wait(self._grace.total_seconds())
            real, due = await self._repair(scope, await self._still(seen), before=found)
            await self._await_repair(due)
            found |= real
        return await self._proof(scope, await self._confirmed(scope, found), lost_changes)

    async def _after_full_read(self, scope: Scope) -> tuple[frozenset[str], int | None]:
        """Return the rows that the full sync before this check did not meet, and how many it found outdated."""
        async with self._tools.database.transaction() as tx:
            read = await self._full_read(tx)
            if read is None:
                return frozenset(), None
            job, basis_at = read
            before = basis_at - self._grace
            kept = await checks.kept(tx, self._check, self._resource)
            unseen = await mirror.unseen(tx, self._check, scope, known_before=before) - kept
            if job.is_first_sync:
                return unseen, None
            return unseen, await mirror.lost_changes(tx, self._check, self._resource, before=before)

    async def _full_read(self, tx: Transaction) -> tuple[Job, datetime] | None:
        if self._check.job_id is None:
            return None
        job = await jobs.find(tx, self._check.advertiser_id, self._check.job_id)
        if job is None or job.job_type is not JobType.FULL_SYNC:
            return None
        for part in await parts.of_job(tx, job):
            whole = part.state is PartState.DONE and part.mode is ReadMode.BULK
            if part.resource is self._resource and whole and part.basis_at is not None:
                return job, part.basis_at
        return None

    async def _look(self, scope: Scope) -> Differences:
        """Count on both sides; where the numbers differ, narrow down to the records."""
        (theirs,) = await self._counts(scope, [ALL_IDS])
        ours, kept = await self._ours(scope)
        if theirs == ours:
            return Differences()
        if theirs - ours > REPAIRS_MAX and self._check.job_id is None:
            raise MirrorTooShort(theirs, ours)
        async with self._tools.database.transaction() as tx:
            held = await mirror.ids(tx, self._check, scope, without=kept)
        return await self._narrowed(scope, held, theirs)

    async def _ours(self, scope: Scope) -> tuple[int, frozenset[str]]:
        """Return how many rows we hold, and the ids of those not counted: a person keeps them."""
        async with self._tools.database.transaction() as tx:
            kept = await checks.kept(tx, self._check, self._resource)
            held = await mirror.live_among(tx, self._check, self._resource, kept)
            kept = frozenset(record_id for record_id, created in held.items() if scope.covers(created))
            return await mirror.count(tx, self._check, scope) - len(kept), kept

    async def _narrowed(self, scope: Scope, held: Ids, theirs: int) -> Differences:
        found = Differences()
        pending = [(ALL_IDS, theirs)]
        while pending:
            ids, theirs = pending.pop()
            ours = held.count(ids)
            if ours == theirs:
                continue
            if is_listed(ours, theirs):
                listed, mine = await self._listed(scope, ids), held.among(ids)
                found |= Differences(missing=listed - mine, surplus=mine - listed)
            else:
                ranges = held.cut(ids)
                pending += zip(ranges, await self._counts(scope, ranges), strict=True)
        return found

    async def _listed(self, scope: Scope, ids: IdRange) -> frozenset[str]:
        listed: set[str] = set()
        first = ids.first
        while True:
            await self._hold()
            page = await self._tools.fetcher.ids(self._check.installation_id, scope, IdRange(first, ids.last))
            listed.update(one.id for one in page.ids)
            if page.next_first is None:
                return frozenset(listed)
            first = page.next_first

    async def _counts(self, scope: Scope, ranges: Sequence[IdRange]) -> list[int]:
        await self._hold()
        return await self._tools.fetcher.counts(self._check.installation_id, scope, ranges)

    async def _still(self, seen: Differences) -> Differences:
        """Return what differs still on our side: others may have told us of it meanwhile."""
        live: set[str] = set()
        async with self._tools.database.transaction() as tx:
            for lot in _lots(seen.missing | seen.surplus):
                live.update(await mirror.live_among(tx, self._check, self._resource, lot))
        return Differences(missing=seen.missing - live, surplus=seen.surplus & live)

    async def _repair(
        self, scope: Scope, seen: Differences, *, before: Differences
    ) -> tuple[Differences, Differences]:
        """Have missing records read and surplus ones deleted; return what really differs, and what will soon not."""
        missing = sorted(seen.missing)[:REPAIRS_MAX]
        await self._revive(scope, missing)
        gone = await self._gone(scope, seen.surplus)
        rows, _ = await self._ours(scope)
        waits = must_wait(len(gone | before.surplus), rows)
        state = DeletionState.WAITING if waits else DeletionState.DELETING
        async with self._tools.database.transaction() as tx:
            await checks.hold(tx, self._check, lease_seconds=self._tools.limits.check_lease_seconds)
            await checks.note_deletions(tx, self._check, self._resource, gone, state)
            await checks.forget_deletions(tx, self._check, self._resource, missing)
            await refetches.want(
                tx,
                shop_domain=self._check.shop_domain,
                resource=self._resource,
                record_ids=missing,
                reason="missing",
                delay=timedelta(),
            )
        real = Differences(seen.missing, gone)
        return real, Differences(missing=seen.missing) if waits else real

    async def _revive(self, scope: Scope, missing: Collection[str]) -> None:
        """Take back the deletion of records that Shopify has: a read by id alone loses against it."""
        for lot in _lots(missing):
            async with self._tools.database.transaction() as tx:
                deleted = await mirror.deleted_among(tx, self._check, self._resource, lot)
            if deleted:
                alive = set(deleted) - await self._gone(scope, deleted)
                await publish_restored(
                    self._tools, self._check, self._check.shop_domain, self._resource, alive
                )

    async def _gone(self, scope: Scope, record_ids: Collection[str]) -> frozenset[str]:
        """Return which records of what is compared Shopify proves deleted, asked for by id."""
        gone: set[str] = set()
        for lot in _lots(record_ids):
            await self._hold()
            answer = await self._tools.fetcher.nodes(
                self._check.installation_id, self._resource, lot, created_after=scope.created_since
            )
            gone.update(answer.gone)
        return frozenset(gone)

    async def _await_repair(self, due: Differences) -> None:
        """Give the repair some time: what is not put right by then is shown as it is."""
        deadline = self._tools.clock.monotonic() + self._tools.limits.repair_seconds_max
        while await self._still(due) and self._tools.clock.monotonic() < deadline:
            await self._wait(self._tools.limits.check_look_seconds)

    async def _confirmed(self, scope: Scope, found: Differences) -> Differences:
        """Leave out what was missing and has been deleted at Shopify meanwhile."""
        unresolved = (await self._still(found)).missing
        return found - Differences(missing=await self._gone(scope, unresolved))

    async def _proof(self, scope: Scope, found: Differences, lost_changes: int | None) -> Proof:
        (theirs,) = await self._counts(scope, [ALL_IDS])
        ours, _ = await self._ours(scope)
        left = await self._still(found)
        return Proof(
            shopify_count=theirs,
            our_count=ours,
            missing=len(found.missing),
            surplus=len(found.surplus),
            repaired=len(found) - len(left),
            lost_changes=lost_changes,
        )

    async def _wait(self, seconds: float) -> None:
        """Wait, and keep the check ours meanwhile."""
        ends = self._tools.clock.monotonic() + seconds
        while (rest := ends - self._tools.clock.monotonic()) > 0:
            await self._hold()
            await pause(self._stop, min(rest, HOLD_SECONDS))

    async def _hold(self) -> None:
        if self._stop.is_set():
            raise Stopping
        async with self._tools.database.transaction() as tx:
            await checks.hold(tx, self._check, lease_seconds=self._tools.limits.check_lease_seconds)


def _lots(record_ids: Collection[str]) -> Iterator[list[str]]:
    ordered = sorted(record_ids)
    for start in range(0, len(ordered), IDS_AT_ONCE_MAX):
        yield ordered[start : start + IDS_AT_ONCE_MAX]
