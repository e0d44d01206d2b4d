"""Ranges of record numbers: what a read that failed as a whole is cut into. Pure."""

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


def split(ids: IdRange, parts: int) -> tuple[IdRange, ...]:
    """Cut a closed range into as many as `parts` of about equal width, in order and without a gap."""
    if ids.first is None or ids.last is None:
        raise ValueError("an open range cannot be cut into parts")
    width = max(1, -(-(ids.last - ids.first + 1) // parts))
    starts = range(ids.first, ids.last + 1, width)
    return tuple(IdRange(start, min(start + width - 1, ids.last)) for start in starts)
