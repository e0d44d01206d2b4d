"""The transition tables, their properties, and the README's drawing of them."""

import re
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sync_common.contracts.events.lifecycle import JobType
from sync_common.contracts.resources import Resource
from sync_orchestrator.domain import jobs
from sync_orchestrator.domain.jobs import JobAction, JobSlot, JobStatus, PartAction, PartState
from sync_orchestrator.errors import ForbiddenTransition

README = Path(__file__).parents[2] / "README.md"
QUERIES = Path(__file__).parents[2] / "src/sync_orchestrator/store/queries"
STATUS_SET = re.compile(r"SET status = '(\w+)'")
STATUS_GUARD = re.compile(r"AND (?:j\.)?status (?:=|IN) \(?((?:'\w+'(?:, )?)+)\)?")
ARROW = re.compile(r"^\s*(\w+) --> (\w+): (.+?)\s*$", re.MULTILINE)


def drawn(heading: str) -> set[tuple[str, str, str]]:
    section = (
        README.read_text(encoding="utf-8").split(heading, 1)[1].split("```mermaid", 1)[1].split("```", 1)[0]
    )
    return {(source, action, target) for source, target, action in ARROW.findall(section)}


def test_readme_draws_exactly_the_job_transitions() -> None:
    table = {(source, action, target) for (source, action), target in jobs.JOB_TRANSITIONS.items()}

    assert drawn("### A job") == table


def test_readme_draws_exactly_the_part_transitions() -> None:
    table = {(source, action, target) for (source, action), target in jobs.PART_TRANSITIONS.items()}

    assert drawn("### A part") == table


@pytest.mark.parametrize("status", sorted(jobs.ENDED))
@pytest.mark.parametrize("action", JobAction)
def test_ended_job_never_changes(status: JobStatus, action: JobAction) -> None:
    with pytest.raises(ForbiddenTransition):
        jobs.job_after(status, action)


@pytest.mark.parametrize("state", [PartState.DONE, PartState.FAILED, PartState.SKIPPED])
@pytest.mark.parametrize("action", PartAction)
def test_ended_part_never_changes(state: PartState, action: PartAction) -> None:
    with pytest.raises(ForbiddenTransition):
        jobs.part_after(state, action)


@pytest.mark.parametrize(
    ("statement", "action"),
    [
        ("complete_job", JobAction.COMPLETE),
        ("fail_job", JobAction.FAIL),
        ("cancel_jobs", JobAction.CANCEL),
    ],
)
def test_statement_guards_what_the_table_allows(statement: str, action: JobAction) -> None:
    sql = QUERIES.joinpath(f"{statement}.sql").read_text(encoding="utf-8")
    target, guard = STATUS_SET.search(sql), STATUS_GUARD.search(sql)

    assert target is not None
    assert guard is not None
    sources = set(re.findall(r"\w+", guard.group(1)))
    assert sources == jobs.sources_of(action)
    assert {jobs.job_after(JobStatus(source), action) for source in sources} == {target.group(1)}


def test_only_a_running_job_completes() -> None:
    assert jobs.sources_of(JobAction.COMPLETE) == {JobStatus.RUNNING}


def test_pending_and_running_jobs_can_be_cancelled() -> None:
    assert jobs.sources_of(JobAction.CANCEL) == jobs.ACTIVE


def test_a_part_closes_only_after_everything_was_published() -> None:
    assert jobs.part_sources_of(PartAction.CLOSE) == {PartState.PUBLISHED}


@pytest.mark.parametrize(
    ("job_type", "resources"),
    [
        (JobType.FULL_SYNC, set(Resource)),
        (JobType.INCREMENTAL_SYNC, set(Resource)),
        (JobType.PRODUCTS_ONLY, {Resource.PRODUCTS}),
        (JobType.BACKFILL, {Resource.ORDERS}),
    ],
)
def test_job_type_covers_its_resources(job_type: JobType, resources: set[Resource]) -> None:
    assert jobs.covered(job_type) == resources


def test_only_a_backfill_leaves_the_sync_slot_free() -> None:
    assert {job_type for job_type in JobType if jobs.slot_of(job_type) is JobSlot.BACKFILL} == {
        JobType.BACKFILL
    }


class JobLife(RuleBasedStateMachine):
    """Whatever is asked of a job in whatever order, its life stays lawful."""

    def __init__(self) -> None:
        super().__init__()
        self.status = JobStatus.PENDING
        self.ends = 0
        self.was_claimed = False

    @rule(action=st.sampled_from(JobAction))
    def ask(self, action: JobAction) -> None:
        try:
            after = jobs.job_after(self.status, action)
        except ForbiddenTransition:
            return
        self.was_claimed |= action is JobAction.CLAIM
        self.ends += after in jobs.ENDED
        self.status = after

    @invariant()
    def ends_at_most_once(self) -> None:
        assert self.ends <= 1

    @invariant()
    def completes_or_fails_only_after_a_claim(self) -> None:
        assert self.was_claimed or self.status not in {JobStatus.COMPLETED, JobStatus.FAILED}


TestJobLife = JobLife.TestCase
