"""Which dead letters may be replayed."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from shopctl.domain.coordinates import DEAD_LETTER_TOPICS
from sync_common.bus import DeadLetter
from sync_common.contracts.envelope import MalformedEnvelope
from sync_common.contracts.topics import COMPLIANCE_TOPIC

REPLAYABLE: Final = timedelta(days=13)
"""After that, the 3 days of the topic and 14 more as a dead letter would pass the 30 in which Shopify wants a person's
data erased. A request to erase is never too late itself."""


class Fate(StrEnum):
    """What becomes of a dead letter that an operator wants replayed."""

    REPLAYED = "replayed"
    SKIPPED = "skipped"  # replayed before
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Answer:
    """A dead letter's fate, with the reason where it is not replayed."""

    letter: DeadLetter
    fate: Fate
    why: str = ""


def obstacle(letter: DeadLetter, *, now: datetime) -> str | None:
    """Return why a dead letter must not be replayed, if so."""
    topic = DEAD_LETTER_TOPICS[letter.message.topic]
    if letter.topic != topic.name:
        return f"it says that it came from {letter.topic}, whose dead letters do not lie here"
    age = now - _born(letter)
    if topic.personal_data and topic.name != COMPLIANCE_TOPIC and age > REPLAYABLE:
        return (
            f"it holds personal data and is {age.days} days old; after {REPLAYABLE.days} it may only expire"
        )
    return None


def _born(letter: DeadLetter) -> datetime:
    """Return when the record first was; its place among the dead letters is younger after every replay."""
    try:
        return letter.message.envelope().time
    except MalformedEnvelope:
        return datetime.fromtimestamp(letter.timestamp_ms / 1000, UTC)
