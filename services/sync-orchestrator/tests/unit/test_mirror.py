"""Ranges of ids: cut so that nothing falls between, and counted on our side."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_orchestrator.domain.mirror import ALL_IDS, PARTS, Differences, IdRange, Ids, is_listed

numbers = st.sets(st.integers(1, 2**63 - 1), max_size=60).map(sorted)


@given(numbers)
def test_parts_cover_everything_once_and_hold_all_of_ours(held: list[int]) -> None:
    ids = Ids(held)

    parts = ids.cut(ALL_IDS) if len(held) >= PARTS else (ALL_IDS,)

    assert parts[0].first is None
    assert parts[-1].last is None
    assert [part.first for part in parts[1:]] == [(part.last or 0) + 1 for part in parts[:-1]]
    assert sum(ids.count(part) for part in parts) == len(held)
    assert frozenset().union(*(ids.among(part) for part in parts)) == {str(number) for number in held}


@given(numbers.filter(lambda held: len(held) >= PARTS))
def test_parts_hold_about_as_many_each(held: list[int]) -> None:
    ids = Ids(held)

    counts = [ids.count(part) for part in ids.cut(ALL_IDS)]

    assert len(counts) == PARTS
    assert max(counts) - min(counts) <= 1


@given(numbers, st.lists(st.integers(0, 2**63 - 1), min_size=2, max_size=2).map(sorted))
def test_range_counts_both_ends(held: list[int], bounds: list[int]) -> None:
    first, last = bounds
    expected = [number for number in held if first <= number <= last]

    assert Ids(held).count(IdRange(first, last)) == len(expected)


def test_part_of_a_part_keeps_its_ends() -> None:
    ids = Ids(range(100, 200))

    parts = ids.cut(IdRange(120, 179))

    assert (parts[0].first, parts[-1].last) == (120, 179)
    assert sum(ids.count(part) for part in parts) == 60


@pytest.mark.parametrize(
    ("ours", "theirs", "listed"),
    [(500, 499, True), (501, 500, False), (0, 90_000, True), (7, 90_000, True), (8, 90_000, False)],
)
def test_range_is_listed_when_it_is_small_or_cannot_be_cut(ours: int, theirs: int, listed: bool) -> None:
    assert is_listed(ours, theirs) is listed


def test_differences_add_up_and_take_away_each_side_for_itself() -> None:
    one = Differences(frozenset("ab"), frozenset("x"))
    other = Differences(frozenset("b"), frozenset("y"))

    assert one | other == Differences(frozenset("ab"), frozenset("xy"))
    assert one - other == Differences(frozenset("a"), frozenset("x"))
    assert (len(one), bool(one - one)) == (3, False)
