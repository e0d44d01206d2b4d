"""Records that can never succeed: kept with coordinates, reason and original bytes, and counted against a limit."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sync_common.bus.errors import TooManyDeadLetters
from sync_common.bus.message import Message, Outcome, Rejected
from sync_common.bus.producer import Producer
from sync_common.contracts.topics import dead_letter_topic

HEADER_PREFIX: Final = "dlq_"
_REASON_CHARACTERS_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class DeadLetterLimit:
    """How many dead letters of one partition are bad data, and how many an outage or a bug."""

    in_a_row: int = 100
    share: float = 0.5
    of_last: int = 1000


@dataclass(slots=True)
class PartitionRecord:
    """What became of a partition's latest messages."""

    limit: DeadLetterLimit
    in_a_row: int = 0
    latest: deque[bool] = field(default_factory=deque)

    def note(self, outcomes: Sequence[Outcome]) -> None:
        """Count outcomes; raise TooManyDeadLetters when the limit is passed."""
        for outcome in outcomes:
            rejected = isinstance(outcome, Rejected)
            self.in_a_row = self.in_a_row + 1 if rejected else 0
            self.latest.append(rejected)
            if len(self.latest) > self.limit.of_last:
                self.latest.popleft()
            if self.in_a_row >= self.limit.in_a_row:
                raise TooManyDeadLetters(f"{self.in_a_row} in a row")
        full = len(self.latest) == self.limit.of_last
        if full and sum(self.latest) > self.limit.share * self.limit.of_last:
            raise TooManyDeadLetters(f"{sum(self.latest)} of the last {self.limit.of_last}")


async def send_dead_letters(
    producer: Producer, consumer: str, rejected: Sequence[tuple[Message, Rejected]]
) -> None:
    """Send rejected messages to their dead-letter topics and wait until Kafka has them."""
    batch = producer.batch()
    for message, rejection in rejected:
        await batch.enqueue(
            dead_letter_topic(message.topic, consumer),
            message.key,
            message.value if message.value is not None else b"",
            [*message.headers, *_why(message, rejection, consumer)],
        )
    await batch.flush()


def _why(message: Message, rejection: Rejected, consumer: str) -> list[tuple[str, bytes]]:
    values = {
        "topic": message.topic,
        "partition": str(message.partition),
        "offset": str(message.offset),
        "timestamp": str(message.timestamp_ms),
        "consumer": consumer,
        "error": rejection.error,
        "reason": rejection.reason[:_REASON_CHARACTERS_MAX],
        "field": (rejection.field or "")[:_REASON_CHARACTERS_MAX],
    }
    return [(HEADER_PREFIX + name, value.encode(errors="replace")) for name, value in values.items()]
