"""Which dead letters are meant."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from shopctl.domain.coordinates import DEAD_LETTER_TOPICS, require_dead_letter_topic
from shopctl.errors import AskedWrongly
from sync_common.bus import DeadLetter
from sync_common.contracts.topics import TOPICS

_AGO: Final = re.compile(r"([0-9]{1,6})([mhd])")
_UNITS: Final = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


@dataclass(frozen=True, slots=True)
class Selection:
    """What an operator asked for; what is None leaves nothing out. `reason` may stand anywhere in a reason."""

    topic: str | None = None
    consumer: str | None = None
    error: str | None = None
    reason: str | None = None
    since: datetime | None = None

    def topics(self) -> Sequence[str]:
        """Return the dead-letter topics to look through; `topic` may name one, or the topic before it."""
        if self.topic is not None and self.topic not in TOPICS:
            require_dead_letter_topic(self.topic)
        return [
            name
            for name, source in DEAD_LETTER_TOPICS.items()
            if self.topic in (None, name, source.name)
            and self.consumer in (None, name.removeprefix(f"{source.name}.").removesuffix(".dlq"))
        ]

    def holds(self, letter: DeadLetter) -> bool:
        """Say whether a dead letter of these topics is meant."""
        return self.error in (None, letter.error) and (self.reason is None or self.reason in letter.reason)


def instant(text: str, *, now: datetime) -> datetime:
    """Read `90m`, `36h` or `7d` ago, or a time such as 2026-11-22T09:00:00Z, in UTC where it names no zone."""
    if ago := _AGO.fullmatch(text):
        return now - int(ago[1]) * _UNITS[ago[2]]
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise AskedWrongly(f"{text} is no time: write 90m, 36h, 7d or 2026-11-22T09:00:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
