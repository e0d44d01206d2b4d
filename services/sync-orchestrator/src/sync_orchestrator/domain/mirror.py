"""Finding the very records in which two sets of ids differ, by counting ranges. Pure."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

PARTS: Final = 8  # a range is cut into so many: one question to Shopify
LISTED_MAX: Final = 500  # a range of so few is listed


@dataclass(frozen=True, slots=True)
class IdRange:
    """Record numbers from `first` to `last`, both included; None is open."""

    first: int | None = None
    last: int | None = None


ALL_IDS: Final = IdRange()


@dataclass(frozen=True, slots=True)
class Differences:
    """Ids that Shopify has and we have not, and the other way round."""

    missing: frozenset[str] = frozenset()
    surplus: frozenset[str] = frozenset()

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.missing) + len(self.surplus)

    def __sub__(self, other: "Differences") -> "Differences":
        """Return what the other does not hold."""
        return Differences(self.missing - other.missing, self.surplus - other.surplus)

    def __or__(self, other: "Differences") -> "Differences":
        """Return both together."""
        return Differences(self.missing | other.missing, self.surplus | other.surplus)


class Ids:
    """The ids of our rows, added in order, eight bytes each: a million records are 8 MB."""

    def __init__(self, numbers: Iterable[int] = ()) -> None:
        self._numbers = array("Q", numbers)

    def extend(self, numbers: Iterable[int]) -> None:
        """Add ids that are greater than all before."""
        self._numbers.extend(numbers)

    def count(self, ids: IdRange) -> int:
        """Return how many lie in a range."""
        start, end = self._span(ids)
        return end - start

    def among(self, ids: IdRange) -> frozenset[str]:
        """Return those in a range."""
        start, end = self._span(ids)
        return frozenset(map(str, self._numbers[start:end]))

    def cut(self, ids: IdRange) -> tuple[IdRange, ...]:
        """Cut a range, without a gap, into parts that hold about as many of ours each."""
        start, end = self._span(ids)
        parts = min(PARTS, end - start)
        borders = [self._numbers[start + (end - start) * part // parts] for part in range(1, parts)]
        firsts = [ids.first, *borders]
        lasts = [*(border - 1 for border in borders), ids.last]
        return tuple(IdRange(first, last) for first, last in zip(firsts, lasts, strict=True))

    def _span(self, ids: IdRange) -> tuple[int, int]:
        start = 0 if ids.first is None else bisect_left(self._numbers, ids.first)
        end = len(self._numbers) if ids.last is None else bisect_right(self._numbers, ids.last)
        return start, end


def is_listed(ours: int, theirs: int) -> bool:
    """Say whether a range in which the counts differ is small enough to be listed, or cannot be cut."""
    return max(ours, theirs) <= LISTED_MAX or ours < PARTS
