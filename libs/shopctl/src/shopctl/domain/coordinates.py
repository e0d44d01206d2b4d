"""Where a dead letter lies, as people write it: topic/partition/offset."""

import re
from typing import Final, NamedTuple

from shopctl.errors import AskedWrongly
from sync_common.contracts.topics import TOPICS, Topic

DEAD_LETTER_TOPICS: Final[dict[str, Topic]] = {
    name: topic for topic in TOPICS.values() for name in topic.dead_letters
}
"""Every dead-letter topic with the topic that its records come from."""
_WRITTEN: Final = re.compile(r"([^/\s]+)/([0-9]{1,9})/([0-9]{1,18})")


class Coordinates(NamedTuple):
    """Topic, partition and offset of one dead letter."""

    topic: str
    partition: int
    offset: int

    @classmethod
    def parse(cls, text: str) -> "Coordinates":
        """Read `topic/partition/offset`; raise AskedWrongly where it is not that, or names no dead-letter topic."""
        found = _WRITTEN.fullmatch(text)
        if found is None:
            raise AskedWrongly(f"{text} is not written as TOPIC/PARTITION/OFFSET")
        require_dead_letter_topic(found[1])
        return cls(found[1], int(found[2]), int(found[3]))


def require_dead_letter_topic(name: str) -> None:
    """Raise AskedWrongly unless dead letters go to this topic."""
    if name in DEAD_LETTER_TOPICS:
        return
    if name in TOPICS:
        places = ", ".join(TOPICS[name].dead_letters) or "nowhere"
        raise AskedWrongly(f"{name} is not a dead-letter topic; its dead letters are in {places}")
    raise AskedWrongly(f"there is no topic {name}; docs/topics.md lists them")
