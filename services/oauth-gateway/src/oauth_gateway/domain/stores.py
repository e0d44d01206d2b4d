"""What can be set on a store, and the words for it."""

import re
from enum import StrEnum
from typing import Final

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

_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def clean_name(typed: str, *, fallback: str) -> str | None:
    """Return a store name fit to show, `fallback` for an empty one, None for one that is too long."""
    name = " ".join(_CONTROL.sub(" ", typed).split())
    if len(name) > STORE_NAME_LENGTH_MAX:
        return None
    return name or fallback
