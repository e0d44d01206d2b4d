"""The life of a sync job and of its parts, as transition tables. The README draws them; a test compares."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from sync_common.contracts.events.lifecycle import JobType
from sync_common.contracts.resources import Resource
from sync_orchestrator.errors import ForbiddenTransition


class JobStatus(StrEnum):
    """Where a job is in its life."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class JobAction(StrEnum):
    """What can happen to a job."""

    CLAIM = "claim"
    TAKE_OVER = "take over"
    RELEASE = "release"
    COMPLETE = "complete"
    FAIL = "fail"
    CANCEL = "cancel"


class PartState(StrEnum):
    """Where one resource of a job is."""

    WAITING = "waiting"
    RUNNING = "running"
    PUBLISHED = "published"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


class SkipReason(StrEnum):
    """Why a resource of a job is not read."""

    NOT_DUE = "not_due"
    SCOPE_MISSING = "scope_missing"


class PartAction(StrEnum):
    """What can happen to a part."""

    SKIP = "skip"
    START = "start"
    RESUME = "resume"
    PUBLISH = "publish"
    MARK_AGAIN = "mark again"
    CLOSE = "close"
    FAIL = "fail"


JOB_TRANSITIONS: Final[Mapping[tuple[JobStatus, JobAction], JobStatus]] = {
    (JobStatus.PENDING, JobAction.CLAIM): JobStatus.RUNNING,
    (JobStatus.PENDING, JobAction.CANCEL): JobStatus.CANCELLED,
    (JobStatus.RUNNING, JobAction.TAKE_OVER): JobStatus.RUNNING,
    (JobStatus.RUNNING, JobAction.RELEASE): JobStatus.RUNNING,
    (JobStatus.RUNNING, JobAction.COMPLETE): JobStatus.COMPLETED,
    (JobStatus.RUNNING, JobAction.FAIL): JobStatus.FAILED,
    (JobStatus.RUNNING, JobAction.CANCEL): JobStatus.CANCELLED,
}

PART_TRANSITIONS: Final[Mapping[tuple[PartState, PartAction], PartState]] = {
    (PartState.WAITING, PartAction.SKIP): PartState.SKIPPED,
    (PartState.WAITING, PartAction.START): PartState.RUNNING,
    (PartState.WAITING, PartAction.FAIL): PartState.FAILED,
    (PartState.RUNNING, PartAction.RESUME): PartState.RUNNING,
    (PartState.RUNNING, PartAction.PUBLISH): PartState.PUBLISHED,
    (PartState.RUNNING, PartAction.FAIL): PartState.FAILED,
    (PartState.PUBLISHED, PartAction.MARK_AGAIN): PartState.PUBLISHED,
    (PartState.PUBLISHED, PartAction.CLOSE): PartState.DONE,
    (PartState.PUBLISHED, PartAction.FAIL): PartState.FAILED,
}

ACTIVE: Final = frozenset({JobStatus.PENDING, JobStatus.RUNNING})
ENDED: Final = frozenset(JobStatus) - ACTIVE

_ONLY: Final[Mapping[JobType, frozenset[Resource]]] = {
    JobType.CUSTOMERS_ONLY: frozenset({Resource.CUSTOMERS}),
    JobType.ORDERS_ONLY: frozenset({Resource.ORDERS}),
    JobType.PRODUCTS_ONLY: frozenset({Resource.PRODUCTS}),
    JobType.BACKFILL: frozenset({Resource.ORDERS}),
}


class JobSlot(StrEnum):
    """A store has one active job per slot, so that a long backfill never holds up its syncs."""

    SYNC = "sync"
    BACKFILL = "backfill"


def job_after(status: JobStatus, action: JobAction) -> JobStatus:
    """Return the status after an action; raise ForbiddenTransition where there is none."""
    try:
        return JOB_TRANSITIONS[status, action]
    except KeyError:
        raise ForbiddenTransition(f"a {status} job cannot {action}") from None


def part_after(state: PartState, action: PartAction) -> PartState:
    """Return the state after an action; raise ForbiddenTransition where there is none."""
    try:
        return PART_TRANSITIONS[state, action]
    except KeyError:
        raise ForbiddenTransition(f"a {state} part cannot {action}") from None


def sources_of(action: JobAction) -> frozenset[JobStatus]:
    """Return the statuses from which an action may start; a test holds the guard of its UPDATE to them."""
    return frozenset(status for status, possible in JOB_TRANSITIONS if possible is action)


def part_sources_of(action: PartAction) -> frozenset[PartState]:
    """Return the states from which an action may start: the guard of its UPDATE."""
    return frozenset(state for state, possible in PART_TRANSITIONS if possible is action)


def covered(job_type: JobType) -> frozenset[Resource]:
    """Return the resources that a job of this type reads."""
    return _ONLY.get(job_type, frozenset(Resource))


def slot_of(job_type: JobType) -> JobSlot:
    """Return the slot that a job of this type takes."""
    return JobSlot.BACKFILL if job_type is JobType.BACKFILL else JobSlot.SYNC
