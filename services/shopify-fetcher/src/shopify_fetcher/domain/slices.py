"""Ranges of record numbers: what a read is cut into that failed as a whole, or that takes the newest first. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec


class IdRange(msgspec.Struct, frozen=True, array_like=True):
    """Record numbers from `first` to `last`, both included; None is open."""

    first: int | None = None
    last: int | None = None

    @property
    def terms(self) -> list[str]:
        """Return the search terms of this range; Shopify's own examples use these two comparators."""
        terms = [] if self.first is None else [f"id:>={self.first}"]
        return terms if self.last is None else [*terms, f"id:<={self.last}"]

    def starting(self, number: int) -> "IdRange":
        """Return what is left of this range from `number` on."""
        return IdRange(number, self.last)


ALL_IDS = IdRange()


@dataclass(frozen=True, slots=True)
class CountedRange:
    """A range and how many records it holds."""

    ids: IdRange
    count: int


def merged(ranges: Iterable[CountedRange], most: int) -> list[IdRange]:
    """Join neighbours, given in order and without a gap, while together they hold no more than `most` records.

    Any two neighbours of the answer hold more, so that there are few of them however unevenly the ids lie.
    """
    found: list[CountedRange] = []
    for one in ranges:
        if found and found[-1].count + one.count <= most:
            before = found.pop()
            found.append(CountedRange(IdRange(before.ids.first, one.ids.last), before.count + one.count))
        else:
            found.append(one)
    return [one.ids for one in found]


def opened(ranges: Iterable[IdRange]) -> list[IdRange]:
    """Open the first range downwards and the last one upwards: what comes up beyond them belongs to them."""
    found = list(ranges)
    if found:
        found[0] = IdRange(None, found[0].last)
        found[-1] = IdRange(found[-1].first, None)
    return found


def split(ids: IdRange, parts: int) -> tuple[IdRange, ...]:
    """Cut a closed range into as many as `parts` of about equal width, in order and without a gap."""
    if ids.first is None or ids.last is None:
        raise ValueError("an open range cannot be cut into parts")
    width = max(1, -(-(ids.last - ids.first + 1) // parts))
    starts = range(ids.first, ids.last + 1, width)
    return tuple(IdRange(start, min(start + width - 1, ids.last)) for start in starts)
