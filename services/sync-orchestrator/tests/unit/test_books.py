"""When a part's books are closed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_common.contracts.events.lifecycle import ResourceCounts
from sync_orchestrator.domain.books import Books, Verdict, judge

counts = st.builds(
    ResourceCounts,
    **{name: st.integers(0, 50) for name in ("created", "updated", "unchanged", "skipped", "failed")},
)


def books(*, marks: int = 6, distinct: int = 10, **outcomes: int) -> Books:
    return Books(
        marks_seen=marks, counts=ResourceCounts(**(outcomes or {"created": distinct})), distinct_ids=distinct
    )


@pytest.mark.parametrize("marks", range(6))
def test_a_missing_mark_keeps_waiting_however_the_counts_look(marks: int) -> None:
    judgement = judge(books(marks=marks), partitions=6, exact_count=10)

    assert judgement.verdict is Verdict.WAITING


def test_all_marks_and_all_bulk_records_close_the_books() -> None:
    assert judge(books(), partitions=6, exact_count=10).verdict is Verdict.CLOSED


@pytest.mark.parametrize("distinct", [9, 11])
def test_bulk_books_that_differ_from_what_was_read_are_a_mismatch_with_both_numbers(distinct: int) -> None:
    judgement = judge(books(distinct=distinct), partitions=6, exact_count=10)

    assert judgement.verdict is Verdict.MISMATCH
    assert (judgement.expected, judgement.accounted) == (10, distinct)


def test_skipped_and_failed_records_are_accounted_for() -> None:
    assert (
        judge(books(created=7, skipped=2, failed=1), partitions=6, exact_count=10).verdict is Verdict.CLOSED
    )


def test_an_empty_part_closes_once_its_marks_are_in() -> None:
    assert judge(books(distinct=0), partitions=6, exact_count=0).verdict is Verdict.CLOSED


@given(st.integers(0, 7), counts, st.none() | st.integers(-2, 2))
def test_books_close_only_when_nothing_is_missing(
    marks: int, outcomes: ResourceCounts, surplus: int | None
) -> None:
    exact = None if surplus is None else outcomes.processed + surplus

    judgement = judge(Books(marks, outcomes, outcomes.processed), partitions=6, exact_count=exact)

    assert (judgement.verdict is Verdict.CLOSED) == (marks >= 6 and not surplus)
