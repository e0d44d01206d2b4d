"""Checks against a shop that is counted, listed and read by id over HTTP, with a writer behind the live topics."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sync_common.contracts.events import DeletionDecision
from sync_common.contracts.records import RawRecord, RecordType
from sync_common.contracts.resources import Resource
from sync_orchestrator.domain.checks import CheckReason, CheckState, Proof
from sync_orchestrator.errors import LeaseLost
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


@pytest.fixture
async def mirror(rig: Any, on_live_lane: Any) -> AsyncIterator[Mirror]:
    """Return a store that was synced once, and whose customers alone may be read."""
    rig.store.grant("read_customers")
    rig.store.admin.execute(
        "DELETE FROM records.contacts; UPDATE sync.store_state SET initial_sync_completed = true"
    )
    mirror = Mirror(rig, [])

    async with on_live_lane(Resource.CUSTOMERS, lambda record: mirror.apply(record)):
        yield mirror
    rig.store.admin.execute("DELETE FROM records.contacts")


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


async def test_equal_mirror_costs_two_counts(mirror: Mirror) -> None:
    mirror.both(range(1, 30))
    await mirror.want()

    async with replica(mirror):
        check = await mirror.checked()

    assert check["state"] == "done"
    assert found(mirror.proof()) == (29, 29, 0, 0, 0)
    assert mirror.proof()["equal"]
    assert mirror.rig.fetcher.asked == ["counts", "counts"]


async def test_lost_records_are_found_among_many_and_repaired(mirror: Mirror) -> None:
    mirror.both(range(1, 4_001))
    for number in (77, 78, 3_500):
        mirror.rig.store.admin.execute("DELETE FROM records.contacts WHERE external_id = %s", [str(number)])
    await mirror.want()

    async with replica(mirror):
        await mirror.checked()

    assert found(mirror.proof()) == (4_000, 4_000, 3, 0, 3)
    assert mirror.proof()["equal"]
    assert {record.record_id for record in mirror.live} == {"77", "78", "3500"}
    assert mirror.rig.fetcher.asked.count("ids") <= 4, "ranges that are equal are not listed"


async def test_deleted_record_whose_webhook_was_lost_is_deleted_and_can_be_taken_back(mirror: Mirror) -> None:
    mirror.both(range(1, 700))
    mirror.here([700])
    await mirror.want()

    async with replica(mirror):
        await mirror.checked()
        assert found(mirror.proof()) == (699, 699, 0, 1, 1)
        assert mirror.states() == {"deleted": 1}
        assert "700" not in mirror.rows()

        assert await mirror.decide(DeletionDecision.UNDO) == 1
        await mirror.rig.until(lambda: "700" in mirror.rows())
        await mirror.rig.until(lambda: mirror.states() == {"undone": 1})
        await mirror.want()
        await mirror.checked()

    assert found(mirror.proof()) == (699, 699, 0, 0, 0), "what a person keeps is no difference"
    assert "700" in mirror.rows()


async def test_record_that_was_deleted_here_by_mistake_comes_back(mirror: Mirror) -> None:
    mirror.both(range(1, 100))
    mirror.rig.store.admin.execute(
        "UPDATE records.contacts SET deleted_at = now() WHERE external_id IN ('7', '8')"
    )
    mirror.shop.pop("8")
    await mirror.want()

    async with replica(mirror):
        await mirror.checked()

    assert found(mirror.proof()) == (98, 98, 1, 0, 1)
    told = [(record.record_id, record.type) for record in mirror.live]
    assert told == [("7", RecordType.RESTORED), ("7", RecordType.FETCHED)]


async def test_many_deletions_wait_for_a_person(mirror: Mirror) -> None:
    mirror.both(range(1, 100))
    mirror.here(range(100, 160))
    await mirror.want()

    async with replica(mirror):
        await mirror.checked()
        assert found(mirror.proof()) == (99, 159, 0, 60, 0)
        assert not mirror.proof()["equal"]
        assert mirror.states() == {"waiting": 60}
        assert len(mirror.rows()) == 159

        assert await mirror.decide(DeletionDecision.DELETE) == 60
        assert await mirror.decide(DeletionDecision.KEEP) == 0, "it is decided"
        await mirror.rig.until(lambda: len(mirror.rows()) == 99)
        await mirror.rig.until(lambda: mirror.states() == {"deleted": 60})


async def test_record_that_shopify_has_again_is_not_deleted_after_all(mirror: Mirror) -> None:
    mirror.both(range(1, 100))
    mirror.here(range(100, 160))
    await mirror.want()

    async with replica(mirror):
        await mirror.checked()
        mirror.shop["100"] = OLD
        await mirror.decide(DeletionDecision.DELETE)
        await mirror.rig.until(lambda: mirror.states() == {"deleted": 59})

    assert "100" in mirror.rows()


async def test_shop_that_does_not_answer_holds_up_no_other_store(mirror: Mirror) -> None:
    """Its deletions are older and come first; a deletion of another store is taken back all the same."""
    mirror.rig.fetcher.nodes_status = 409
    mirror.rig.store.admin.execute(
        """INSERT INTO sync.deletions (advertiser_id, store_id, resource, record_id, check_id, state, found_at)
           VALUES (11, 17, 'customers', '1', 1, 'deleting', now() - interval '1 hour'),
                  (11, 18, 'customers', '2', 1, 'restoring', now());
           INSERT INTO sync.store_state (advertiser_id, store_id, installation_id, shop_domain, generation, status)
           SELECT advertiser_id, 18, installation_id, shop_domain, 1, 'connected' FROM sync.store_state"""
    )

    async with replica(mirror):
        await mirror.rig.until(lambda: mirror.states() == {"deleted": 1, "undone": 1})
        await mirror.rig.until(lambda: mirror.live)

    states = mirror.rig.store.rows("SELECT store_id, state FROM sync.deletions ORDER BY store_id")
    assert states[0] == {"store_id": 17, "state": "deleting"}
    assert [(record.record_id, record.store_id) for record in mirror.live] == [("2", 18)]
    assert len(mirror.rig.fetcher.node_requests) == 1, "it is left alone for a while"


async def test_check_that_is_cancelled_while_shopify_refuses_it_ends_quietly(mirror: Mirror) -> None:
    mirror.both(range(1, 10))
    mirror.rig.fetcher.counts_status = 409
    mirror.rig.fetcher.on_count = lambda: mirror.rig.store.admin.execute(
        "UPDATE sync.checks SET state = 'cancelled', ended_at = now()"
    )
    await mirror.want()

    async with replica(mirror):
        check = await mirror.checked()

    assert (check["state"], check["error_message"]) == ("cancelled", None)


async def test_kept_records_are_not_asked_about_again(mirror: Mirror) -> None:
    mirror.both(range(1, 100))
    mirror.here(range(100, 160))
    await mirror.want()

    async with replica(mirror):
        await mirror.checked()
        assert await mirror.decide(DeletionDecision.KEEP) == 60
        await mirror.want()
        await mirror.checked()
        assert found(mirror.proof()) == (99, 99, 0, 0, 0)

        outcomes = {str(number): "unchanged" for number in range(1, 100)}
        await mirror.want(CheckReason.FULL_SYNC, full_sync(mirror, outcomes=outcomes))
        await mirror.checked()

        assert found(mirror.proof()) == (99, 99, 0, 0, 0), "nor when a full sync has not met them"

        mirror.shop["170"] = OLD
        await mirror.want()
        await mirror.checked()

    assert found(mirror.proof()) == (100, 100, 1, 0, 1), "nor when others are looked for"
    assert mirror.states() == {"kept": 60}


async def test_webhook_that_comes_within_the_grace_is_no_difference(mirror: Mirror) -> None:
    mirror.both(range(1, 10))
    mirror.shop["10"] = OLD
    await mirror.want()

    async with replica(mirror, check_grace_seconds=1.5):
        await mirror.rig.until(lambda: "ids" in mirror.rig.fetcher.asked)
        mirror.here([10])
        await mirror.checked()

    assert found(mirror.proof()) == (10, 10, 0, 0, 0)
    assert mirror.live == []


async def test_young_records_are_left_out_on_both_sides(mirror: Mirror) -> None:
    mirror.both(range(1, 10))
    young = datetime.now(UTC) + timedelta(minutes=5)
    mirror.shop["10"] = young
    mirror.here([11], created=young)
    await mirror.want()

    async with replica(mirror):
        await mirror.checked()

    assert found(mirror.proof()) == (9, 9, 0, 0, 0)


async def test_record_that_cannot_be_stored_stays_missing_and_is_shown(mirror: Mirror) -> None:
    mirror.both(range(1, 10))
    mirror.shop["10"] = OLD
    mirror.apply = lambda record: mirror.live.append(record)  # type: ignore[method-assign]
    await mirror.want()

    async with replica(mirror, repair_seconds_max=0.5):
        await mirror.checked()

    assert found(mirror.proof()) == (10, 9, 1, 0, 0)
    assert not mirror.proof()["equal"]
    assert [record.record_id for record in mirror.live] == ["10"], "asked for once, not at every look"


async def test_mirror_that_lacks_very_much_is_read_in_full(mirror: Mirror) -> None:
    mirror.shop.update({str(number): OLD for number in range(1, 6_000)})
    mirror.here([1])
    await mirror.want()

    async with replica(mirror):
        await mirror.checked()

    job = mirror.rig.store.row("SELECT job_type, triggered_by FROM sync.sync_jobs")
    assert job == {"job_type": "full_sync", "triggered_by": "system"}
    assert found(mirror.proof()) == (5_999, 1, 5_998, 0, 0)


async def test_swapped_records_are_found_after_a_full_sync_though_the_counts_are_equal(
    mirror: Mirror,
) -> None:
    mirror.both(range(1, 10))
    mirror.shop["10"] = OLD
    mirror.here([11])
    job_id = full_sync(mirror, outcomes={str(number): "unchanged" for number in range(1, 10)})
    await mirror.want(CheckReason.FULL_SYNC, job_id)

    async with replica(mirror):
        await mirror.checked()

    assert found(mirror.proof()) == (10, 10, 1, 1, 2)
    assert mirror.rows() == {str(number) for number in range(1, 11)}


async def test_changes_that_only_the_full_sync_brought_are_counted(mirror: Mirror) -> None:
    mirror.both(range(1, 10))
    outcomes = {str(number): "unchanged" for number in range(1, 8)} | {"8": "updated", "9": "created"}
    mirror.rig.store.admin.execute("UPDATE records.contacts SET updated_at_source = created_at_source")
    mirror.rig.store.admin.execute(
        "UPDATE records.contacts SET updated_at_source = now() + interval '1 hour' WHERE external_id = '8'"
    )
    job_id = full_sync(mirror, outcomes=outcomes)
    await mirror.want(CheckReason.FULL_SYNC, job_id)

    async with replica(mirror):
        await mirror.checked()

    assert mirror.proof()["lost_changes"] == 1, "a change of this very moment was not lost"


async def test_first_sync_lost_nothing(mirror: Mirror) -> None:
    mirror.both(range(1, 10))
    outcomes = {str(number): "created" for number in range(1, 10)}
    job_id = full_sync(mirror, outcomes=outcomes, is_first_sync=True)
    await mirror.want(CheckReason.FULL_SYNC, job_id)

    async with replica(mirror):
        await mirror.checked()

    assert mirror.proof()["lost_changes"] is None


async def test_outage_puts_the_check_back(mirror: Mirror) -> None:
    mirror.both(range(1, 10))
    mirror.rig.fetcher.counts_status = 503
    await mirror.want()

    async with replica(mirror):
        await mirror.rig.until(
            lambda: mirror.rig.store.row("SELECT attempt FROM sync.checks")["attempt"] == 1
        )

    row = mirror.rig.store.row("SELECT state, due_at > now() AS later FROM sync.checks")
    assert row == {"state": "waiting", "later": True}


async def test_refusal_ends_the_check_in_words(mirror: Mirror) -> None:
    mirror.both(range(1, 10))
    mirror.rig.fetcher.counts_status = 409
    await mirror.want()

    async with replica(mirror):
        check = await mirror.checked()

    assert check["state"] == "failed"
    assert check["error_message"].startswith("Shopify does not let the app read the customers")


async def test_check_whose_holder_died_is_made_again(mirror: Mirror) -> None:
    mirror.both(range(1, 10))
    await mirror.want()
    async with mirror.rig.store.database.transaction() as tx:
        assert await checks.claim(tx, owner="dead", lease_seconds=-1) is not None

    async with replica(mirror):
        check = await mirror.checked()

    assert (check["state"], check["epoch"]) == ("done", 2)


async def test_holder_whose_check_was_taken_over_writes_nothing(mirror: Mirror) -> None:
    await mirror.want()
    stale, current = await claim(mirror, lease_seconds=-1), await claim(mirror, lease_seconds=30)

    async def refused(write: Callable[[Any], Awaitable[None]]) -> bool:
        try:
            async with mirror.rig.store.database.transaction() as tx:
                await write(tx)
        except LeaseLost:
            return True
        return False

    assert (stale.epoch, current.epoch) == (1, 2)
    assert await refused(lambda tx: checks.hold(tx, stale, lease_seconds=30))
    assert await refused(lambda tx: checks.end(tx, stale, CheckState.DONE))
    assert await refused(lambda tx: checks.note_proof(tx, stale, Resource.CUSTOMERS, Proof(1, 1)))
    assert not await refused(lambda tx: checks.postpone(tx, stale, delay=timedelta(hours=1)))
    row = mirror.rig.store.row("SELECT state, epoch, due_at <= now() AS due FROM sync.checks")
    assert row == {"state": "running", "epoch": 2, "due": True}, "untouched"
    assert not await refused(lambda tx: checks.hold(tx, current, lease_seconds=30))


async def claim(mirror: Mirror, *, lease_seconds: float) -> Any:
    """Claim the store's check."""
    async with mirror.rig.store.database.transaction() as tx:
        return await checks.claim(tx, owner="test", lease_seconds=lease_seconds)


async def test_stopped_replica_puts_its_check_back(mirror: Mirror) -> None:
    mirror.both(range(1, 10))
    mirror.shop["10"] = OLD
    await mirror.want()

    async with replica(mirror, check_grace_seconds=60):
        await mirror.rig.until(lambda: "ids" in mirror.rig.fetcher.asked)

    row = mirror.rig.store.row("SELECT state, attempt, due_at <= now() AS due FROM sync.checks")
    assert row == {"state": "waiting", "attempt": 0, "due": True}


async def test_full_sync_that_ends_during_a_check_has_another_one_made(mirror: Mirror) -> None:
    mirror.both(range(1, 10))
    mirror.shop["10"] = OLD
    await mirror.want()

    async with replica(mirror, check_grace_seconds=1):
        await mirror.rig.until(lambda: "ids" in mirror.rig.fetcher.asked)
        await mirror.want(CheckReason.FULL_SYNC, full_sync(mirror, outcomes={}))
        await mirror.checked()

    row = mirror.rig.store.row("SELECT epoch, state FROM sync.checks")
    assert row == {"epoch": 2, "state": "done"}


async def test_person_who_asks_during_a_check_is_answered_by_it(mirror: Mirror) -> None:
    mirror.both(range(1, 10))
    mirror.shop["10"] = OLD
    await mirror.want()

    async with replica(mirror, check_grace_seconds=1):
        await mirror.rig.until(lambda: "ids" in mirror.rig.fetcher.asked)
        await mirror.want()
        await mirror.checked()

    assert mirror.rig.store.row("SELECT epoch FROM sync.checks") == {"epoch": 1}


async def test_refused_token_cancels_the_check_without_words(mirror: Mirror) -> None:
    mirror.both(range(1, 10))
    mirror.rig.fetcher.counts_status, mirror.rig.fetcher.counts_code = 409, "token_refused"
    await mirror.want()

    async with replica(mirror):
        check = await mirror.checked()

    assert (check["state"], check["error_message"]) == ("cancelled", None)


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
