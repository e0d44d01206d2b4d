"""Finds where the ids of a window lie, and cuts them into ranges of about equally many records."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from shopify_fetcher.access.session import ShopSession
from shopify_fetcher.clients.answers import Answer
from shopify_fetcher.domain.search import Window
from shopify_fetcher.domain.shop import numeric_id
from shopify_fetcher.domain.slices import CountedRange, IdRange, merged, split
from shopify_fetcher.errors import Malformed
from shopify_fetcher.reading.counts import COUNTS_MAX, counted
from sync_common.contracts.resources import Resource

PARTS: Final = 4
"""Into how many parts a range is cut that holds too many records."""

COUNTED_RANGES_MAX: Final = 1_000
"""How many ranges are counted at most: where each is as large as the whole, the counts cannot be true."""


async def bounds(session: ShopSession, resource: Resource, window: Window) -> IdRange | None:
    """Return the range from the lowest id that there is to the highest; None where there is none."""
    answer = await session.call(f"{resource}_bounds", {"query": window.search(resource)})
    lowest, highest = _first_id(answer, "lowest"), _first_id(answer, "highest")
    return None if lowest is None else IdRange(lowest, highest)


async def even_ranges(
    session: ShopSession, resource: Resource, window: Window, *, most: int
) -> list[IdRange]:
    """Return ranges of at most `most` records each, in the order of ids and without a gap.

    Ids lie denser in good years than in others, so that a range is cut by its width until its count is small enough.
    """
    ids = await bounds(session, resource, window)
    ranges = [] if ids is None else await _counted(session, resource, window, [ids])
    asked = len(ranges)
    while large := [one.ids for one in ranges if one.count > most]:
        parts = [part for ids in large for part in split(ids, PARTS)]
        asked += len(parts)
        if asked > COUNTED_RANGES_MAX:
            raise Malformed("the counts of ranges of ids do not add up")
        small = [one for one in ranges if one.count <= most]
        ranges = small + await _counted(session, resource, window, parts)
        ranges.sort(key=lambda one: one.ids.first or 0)
    return merged(ranges, most)


async def _counted(
    session: ShopSession, resource: Resource, window: Window, ranges: Sequence[IdRange]
) -> list[CountedRange]:
    found: list[CountedRange] = []
    for start in range(0, len(ranges), COUNTS_MAX):
        asked = ranges[start : start + COUNTS_MAX]
        counts, _ = await counted(session, resource, [replace(window, ids=ids) for ids in asked])
        found += map(CountedRange, asked, counts)
    return found


def _first_id(answer: Answer, name: str) -> int | None:
    nodes = answer.data[name]["nodes"]
    return int(numeric_id(nodes[0]["id"])) if nodes else None
