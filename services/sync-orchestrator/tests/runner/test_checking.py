"""The life of a check: put back, refused, taken over, asked for again."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from sync_common.contracts.resources import Resource
from sync_orchestrator.domain.checks import CheckReason, CheckState, Proof
from sync_orchestrator.errors import LeaseLost
from sync_orchestrator.store import checks

from .mirror import OLD, Mirror, claim, full_sync, replica


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
