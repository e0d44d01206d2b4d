"""Whether the records of one part are all accounted for."""

from dataclasses import dataclass
from enum import StrEnum

from sync_common.contracts.events.lifecycle import ResourceCounts


class Verdict(StrEnum):
    """What the books say."""

    WAITING = "waiting"
    CLOSED = "closed"
    MISMATCH = "mismatch"


@dataclass(frozen=True, slots=True)
class Books:
    """The record-writer's account of one job and resource: counts over distinct ids, marks of one epoch."""

    marks_seen: int
    counts: ResourceCounts
    distinct_ids: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict; on a mismatch with both numbers."""

    verdict: Verdict
    expected: int = 0
    accounted: int = 0


EMPTY_BOOKS = Books(marks_seen=0, counts=ResourceCounts(), distinct_ids=0)


def judge(books: Books, *, partitions: int, exact_count: int | None) -> Judgement:
    """Compare the books with what was published.

    `exact_count` is the number of root records of a bulk read. A paged read has none: there every page was
    acknowledged before the marks, so marks in all partitions prove that the writer has seen all of it. That the
    counts add up to the distinct ids is the writer's own doing: both are sums of the same tallies.
    """
    if books.marks_seen < partitions:
        return Judgement(Verdict.WAITING)
    if exact_count is not None and books.distinct_ids != exact_count:
        return Judgement(Verdict.MISMATCH, expected=exact_count, accounted=books.distinct_ids)
    return Judgement(Verdict.CLOSED)
