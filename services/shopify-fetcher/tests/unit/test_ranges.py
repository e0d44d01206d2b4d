"""Ranges of ids that hold about equally many records, wherever the ids lie."""

from itertools import pairwise
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopify_fetcher.access.session import ShopSession
from shopify_fetcher.domain import cursor as cursors
from shopify_fetcher.domain.cursor import FullCursor, Piece
from shopify_fetcher.domain.search import Window
from shopify_fetcher.domain.slices import ALL_IDS, CountedRange, IdRange, merged, opened
from shopify_fetcher.errors import Malformed
from shopify_fetcher.reading import full, ranges
from shopify_fetcher.reading.counts import COUNTS_MAX
from sync_common.contracts.resources import Resource

from .test_rules import NOW

EVEN = list(range(1_000, 2_000))
CLUSTERED = [*range(5), *range(10**6, 10**6 + 900), *range(10**13, 10**13 + 95 * 10**9, 10**9)]


def shop_of(ids: list[int], monkeypatch: pytest.MonkeyPatch) -> ShopSession:
    """Let a shop have these ids."""

    async def bounds(*_: Any) -> IdRange | None:
        return IdRange(min(ids), max(ids)) if ids else None

    async def counted(_session: Any, _resource: Any, windows: list[Window]) -> tuple[list[int], None]:
        assert len(windows) <= COUNTS_MAX
        return [held(ids, window.ids) for window in windows], None

    monkeypatch.setattr(ranges, "bounds", bounds)
    monkeypatch.setattr(ranges, "counted", counted)
    return cast("ShopSession", None)


def held(ids: list[int], within: IdRange) -> int:
    return sum(
        within.first is None or within.first <= n for n in ids if within.last is None or n <= within.last
    )


@pytest.mark.parametrize("ids", [EVEN, CLUSTERED])
async def test_no_range_holds_too_many_records_and_two_neighbours_hold_more(
    monkeypatch: pytest.MonkeyPatch, ids: list[int]
) -> None:
    session = shop_of(ids, monkeypatch)

    found = await ranges.even_ranges(session, Resource.ORDERS, Window(), most=100)

    counts = [held(ids, one) for one in found]
    assert sum(counts) == len(ids)
    assert max(counts) <= 100
    assert all(before + after > 100 for before, after in pairwise(counts))
    assert all(after.first == (before.last or 0) + 1 for before, after in pairwise(found))


async def test_nothing_has_no_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    session = shop_of([], monkeypatch)

    assert await ranges.even_ranges(session, Resource.ORDERS, Window(), most=100) == []


@pytest.mark.parametrize("ids", [[7] * 101, [1, *[7] * 101]])
async def test_counts_that_cannot_be_true_end_the_search(
    monkeypatch: pytest.MonkeyPatch, ids: list[int]
) -> None:
    session = shop_of(ids, monkeypatch)

    with pytest.raises(Malformed):
        await ranges.even_ranges(session, Resource.ORDERS, Window(), most=100)


@given(st.lists(st.integers(0, 50), max_size=200), st.integers(50, 200))
def test_merged_ranges_cover_the_same_ids_with_few_ranges(counts: list[int], most: int) -> None:
    given_ranges = [CountedRange(IdRange(n, n), count) for n, count in enumerate(counts)]

    found = merged(given_ranges, most)

    sums = [sum(counts[one.first or 0 : (one.last or 0) + 1]) for one in found]
    assert all(total <= most for total in sums)
    assert all(before + after > most for before, after in pairwise(sums))
    assert [n for one in found for n in range(one.first or 0, (one.last or 0) + 1)] == list(
        range(len(counts))
    )


def test_outermost_ranges_take_what_is_beyond_them() -> None:
    assert opened([IdRange(5, 6), IdRange(7, 8)]) == [IdRange(None, 6), IdRange(7, None)]
    assert opened([IdRange(5, 6)]) == [ALL_IDS]
    assert opened([]) == []


def test_cursor_of_the_most_pieces_is_short_enough_to_be_sent() -> None:
    piece = Piece(IdRange(2**63 - 2, 2**63 - 1), by_pages=True)
    gid = f"gid://shopify/BulkOperation/{2**63}"
    cursor = FullCursor(NOW, (piece,) * (2 * full.PIECES), 10**9, 10**9, gid, 10**9)

    assert len(cursors.encode(cursor)) <= cursors.CURSOR_CHARS_MAX
