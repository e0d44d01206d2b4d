"""What a check finds, repairs and leaves to a person."""

from datetime import UTC, datetime, timedelta

from sync_common.contracts.events import DeletionDecision
from sync_common.contracts.records import RecordType
from sync_orchestrator.domain.checks import CheckReason

from .mirror import OLD, Mirror, found, full_sync, replica


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
