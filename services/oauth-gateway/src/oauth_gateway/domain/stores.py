"""What can be set on a store, and the words for it."""

from enum import StrEnum
from typing import Final

from oauth_gateway.domain.words import one_line

STORE_NAME_LENGTH_MAX: Final = 100


class Frequency(StrEnum):
    """How often a store is synced."""

    REALTIME = "realtime"
    EVERY_15_MINUTES = "every_15_min"
    HOURLY = "hourly"
    EVERY_6_HOURS = "every_6_hours"
    DAILY = "daily"
    MANUAL = "manual"

    @property
    def label(self) -> str:
        """Return the words of the settings menu."""
        return _LABELS[self]

    @property
    def hint(self) -> str:
        """Return the small word beside the label, or nothing."""
        return _HINTS.get(self, "")


_LABELS: Final = {
    Frequency.REALTIME: "Realtime",
    Frequency.EVERY_15_MINUTES: "Every 15 minutes",
    Frequency.HOURLY: "Hourly",
    Frequency.EVERY_6_HOURS: "Every 6 hours",
    Frequency.DAILY: "Daily",
    Frequency.MANUAL: "Manual only",
}
_HINTS: Final = {Frequency.REALTIME: "webhooks", Frequency.HOURLY: "recommended"}


def clean_name(typed: str, *, fallback: str) -> str | None:
    """Return a store name fit to show, `fallback` for an empty one, None for one that is too long."""
    name = one_line(typed)
    if len(name) > STORE_NAME_LENGTH_MAX:
        return None
    return name or fallback
