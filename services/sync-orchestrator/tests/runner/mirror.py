"""A store's customers at Shopify and here, for checks: counted, listed and read by id over HTTP."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sync_common.contracts.events import DeletionDecision
from sync_common.contracts.records import RawRecord, RecordType
from sync_common.contracts.resources import Resource
from sync_orchestrator.domain.checks import CheckReason
from sync_orchestrator.runner.checking import Checker
from sync_orchestrator.runner.deleting import Deleter
from sync_orchestrator.runner.refetch import Refetcher
from sync_orchestrator.store import checks

OLD = datetime(2026, 11, 1, tzinfo=UTC)


TABLES = {
    Resource.CUSTOMERS: "INSERT INTO records.contacts (advertiser_id, source_type, source_id, external_id,"
    " created_at_source, observed_at) VALUES (11, 'ShopifyStore', 17, %s, %s, %s)",
}


@dataclass
class Mirror:
    """One store's customers: at Shopify, here, and what lies between."""

    rig: Any
    live: list[RawRecord]

    @property
    def shop(self) -> dict[str, datetime]:
        """Return the customers that Shopify has, by id, with their time of creation."""
        found: dict[str, datetime] = self.rig.fetcher.shop[Resource.CUSTOMERS]
        return found

    def both(self, ids: Iterable[int], created: datetime = OLD) -> None:
        """Let both sides have customers."""
        self.shop.update({str(number): created for number in ids})
        self.here(ids, created)

    def here(self, ids: Iterable[int], created: datetime = OLD) -> None:
        """Let us have customers."""
        with self.rig.store.admin.cursor() as cursor:
            cursor.executemany(
                TABLES[Resource.CUSTOMERS], [(str(number), created, created) for number in ids]
            )

    def rows(self) -> set[str]:
        """Return the customers that we have alive."""
        found = self.rig.store.rows("SELECT external_id FROM records.contacts WHERE deleted_at IS NULL")
        return {row["external_id"] for row in found}

    def apply(self, record: RawRecord) -> None:
        """Do what record-writer does with a record of the live lane."""
        self.live.append(record)
        admin, number = self.rig.store.admin, record.record_id
        if record.type is RecordType.GONE:
            admin.execute(
                "UPDATE records.contacts SET deleted_at = %s WHERE external_id = %s",
                [record.observed_at, number],
            )
        elif record.type is RecordType.RESTORED:
            admin.execute(
                "UPDATE records.contacts SET deleted_at = NULL WHERE external_id = %s AND source_id = %s",
                [number, record.store_id],
            )
        elif number not in self.rows():
            self.here([int(number)])

    async def want(self, reason: CheckReason = CheckReason.USER, job_id: int | None = None) -> None:
        """Ask for a check."""
        async with self.rig.store.database.transaction() as tx:
            assert await checks.want(tx, 11, 17, reason, job_id=job_id) is not None

    async def decide(self, decision: DeletionDecision) -> int:
        """Decide on what the last check found."""
        (check,) = self.rig.store.rows("SELECT max(check_id) AS id FROM sync.checks")
        async with self.rig.store.database.transaction() as tx:
            return await checks.decide(
                tx,
                11,
                17,
                check_id=check["id"],
                resource=Resource.CUSTOMERS,
                decision=decision,
                user_id=3,
            )

    def proof(self) -> Any:
        """Return the proof of the customers as the pages show it."""
        return self.rig.store.row("SELECT * FROM sync.proofs_v1")

    def states(self) -> dict[str, int]:
        """Return how many deletions are in each state, as the pages show them."""
        rows = self.rig.store.rows("SELECT state, count(*) AS count FROM sync.deletions_v1 GROUP BY state")
        return {row["state"]: row["count"] for row in rows}

    async def checked(self) -> Any:
        """Wait until no check is under way; return the last one."""
        await self.rig.until(
            lambda: not self.rig.store.rows("SELECT FROM sync.checks WHERE state IN ('waiting', 'running')"),
        )
        return self.rig.store.rows("SELECT * FROM sync.checks ORDER BY check_id")[-1]


@asynccontextmanager
async def replica(mirror: Mirror, **limits: float) -> AsyncIterator[None]:
    """Run what checks need until the block ends."""
    quick = {"check_grace_seconds": 0.2, "check_look_seconds": 0.05, "repair_seconds_max": 5.0, **limits}
    tools = replace(mirror.rig.tools, limits=replace(mirror.rig.tools.limits, **quick))
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for loop in (Checker(tools), Deleter(tools), Refetcher(tools, interval_seconds=0.02)):
            group.create_task(loop.run(stop))
        yield
        stop.set()


def found(proof: Any) -> tuple[int, int, int, int, int]:
    """Return the numbers of a proof: Shopify's, ours, missing, surplus, repaired."""
    return (
        proof["shopify_count"],
        proof["our_count"],
        proof["missing"],
        proof["surplus"],
        proof["repaired"],
    )


def full_sync(mirror: Mirror, *, outcomes: dict[str, str], is_first_sync: bool = False) -> int:
    """Let a full sync of the customers have ended, with this ledger; return its id."""
    admin = mirror.rig.store.admin
    job: int = admin.execute(
        """INSERT INTO sync.sync_jobs (advertiser_id, store_id, installation_id, shop_domain, job_type, status,
               triggered_by, is_first_sync, due_at, started_at, completed_at)
           VALUES (11, 17, 5, 'acme.myshopify.com', 'full_sync', 'completed', 'schedule', %s, now(), now(), now())
           RETURNING job_id""",
        [is_first_sync],
    ).fetchone()["job_id"]
    admin.execute(
        "INSERT INTO sync.sync_job_parts (advertiser_id, job_id, resource, state, mode, basis_at)"
        " VALUES (11, %s, 'customers', 'done', 'bulk', now())",
        [job],
    )
    for record_id, outcome in outcomes.items():
        admin.execute(
            "INSERT INTO records.job_ledger (advertiser_id, job_id, resource, external_id, store_id, outcome)"
            " VALUES (11, %s, 'customers', %s, 17, %s)",
            [job, record_id, outcome],
        )
    return job


async def claim(mirror: Mirror, *, lease_seconds: float) -> Any:
    """Claim the store's check."""
    async with mirror.rig.store.database.transaction() as tx:
        return await checks.claim(tx, owner="test", lease_seconds=lease_seconds)
