"""Records that can never succeed: kept with coordinates, reason and bytes, counted against a limit, and replayed."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from sync_common.bus.accumulator import Headers
from sync_common.bus.errors import NotADeadLetter, TooManyDeadLetters
from sync_common.bus.message import Message, Outcome, Rejected
from sync_common.bus.producer import Producer, ProducerBatch
from sync_common.contracts.topics import dead_letter_topic

HEADER_PREFIX: Final = "dlq_"
REPLAYED_FROM: Final = "replayed_from"
"""Header of a replayed record: where its dead letter is. Consumers ignore it; a new dead letter keeps it."""
_REASON_CHARACTERS_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class DeadLetterLimit:
    """How many dead letters of one partition are bad data, and how many an outage or a bug.

    What an outsider can cause at will does not count: one signed body, caught on its way, could else stop a
    partition. Nor does a replay: it was counted the first time.
    """

    in_a_row: int = 100
    share: float = 0.5
    of_last: int = 1000


@dataclass(slots=True)
class PartitionRecord:
    """What became of a partition's latest messages."""

    limit: DeadLetterLimit
    in_a_row: int = 0
    latest: deque[bool] = field(default_factory=deque)

    def note(self, pairs: Iterable[tuple[Message, Outcome]]) -> None:
        """Count outcomes; raise TooManyDeadLetters when the limit is passed."""
        for message, outcome in pairs:
            rejected = isinstance(outcome, Rejected)
            if isinstance(outcome, Rejected) and not _counts(message, outcome):
                continue  # nor does it interrupt a row: ours must not go unseen between such
            self.in_a_row = self.in_a_row + 1 if rejected else 0
            self.latest.append(rejected)
            if len(self.latest) > self.limit.of_last:
                self.latest.popleft()
            if self.in_a_row >= self.limit.in_a_row:
                raise TooManyDeadLetters(f"{self.in_a_row} in a row")
        full = len(self.latest) == self.limit.of_last
        if full and sum(self.latest) > self.limit.share * self.limit.of_last:
            raise TooManyDeadLetters(f"{sum(self.latest)} of the last {self.limit.of_last}")


def _counts(message: Message, rejection: Rejected) -> bool:
    return not rejection.by_outsider and all(name != REPLAYED_FROM for name, _ in message.headers)


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
            [*_without_why(message.headers), *_why(message, rejection, consumer)],
        )
    await batch.flush()


@dataclass(frozen=True)
class DeadLetter:
    """A record of a dead-letter topic, with what its headers say. `message` is where and as it lies there."""

    message: Message
    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    consumer: str
    error: str
    reason: str
    field: str | None
    replayed_from: str | None

    @classmethod
    def from_message(cls, message: Message) -> "DeadLetter":
        """Read a dead letter; raise NotADeadLetter where the headers do not say what it was."""
        headers = {name: value.decode(errors="replace") for name, value in message.headers}
        try:
            return cls(
                message=message,
                topic=headers[HEADER_PREFIX + "topic"],
                partition=int(headers[HEADER_PREFIX + "partition"]),
                offset=int(headers[HEADER_PREFIX + "offset"]),
                timestamp_ms=int(headers[HEADER_PREFIX + "timestamp"]),
                consumer=headers[HEADER_PREFIX + "consumer"],
                error=headers[HEADER_PREFIX + "error"],
                reason=headers[HEADER_PREFIX + "reason"],
                field=headers[HEADER_PREFIX + "field"] or None,
                replayed_from=headers.get(REPLAYED_FROM),
            )
        except (KeyError, ValueError):
            raise NotADeadLetter(f"{coordinates(message)} has no headers of a dead letter") from None


def coordinates(message: Message) -> str:
    """Return where a record lies, as people write it: topic/partition/offset."""
    return f"{message.topic}/{message.partition}/{message.offset}"


async def enqueue_replay(batch: ProducerBatch, letter: DeadLetter) -> None:
    """Hand over the original bytes, key and headers to the topic that they came from.

    A key finds its partition as it did the first time, behind what else it has to be in order with. What had no key
    was meant for one partition and goes there again.
    """
    message = letter.message
    await batch.enqueue(
        letter.topic,
        message.key,
        message.value or b"",
        [
            *((name, value) for name, value in _without_why(message.headers) if name != REPLAYED_FROM),
            (REPLAYED_FROM, coordinates(message).encode()),
        ],
        letter.partition if message.key is None else None,
    )


def _without_why(headers: Headers) -> Headers:
    return [(name, value) for name, value in headers if not name.startswith(HEADER_PREFIX)]


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
