"""Lists that are too long for one page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

LISTED_MAX: Final = 20


class Numbered(Protocol):
    """A row that its id finds again."""

    @property
    def id(self) -> int:
        """Return its id; a newer row has a larger one."""


Row = TypeVar("Row", bound=Numbered)


@dataclass(frozen=True, slots=True)
class Listed(Generic[Row]):
    """Some rows of a list; `older` is where the next ones begin, if there are any."""

    rows: Sequence[Row]
    older: int | None

    @classmethod
    def of(cls, found: Sequence[Row]) -> "Listed[Row]":
        """Cut one row more than is shown, which only tells that there are more."""
        rows = found[:LISTED_MAX]
        return cls(rows, rows[-1].id if len(found) > len(rows) else None)
