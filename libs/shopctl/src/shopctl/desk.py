"""What an operator does with dead letters: look them up, look into one, replay them."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from shopctl.domain.coordinates import Coordinates
from shopctl.domain.replaying import Answer, Fate, obstacle
from shopctl.domain.selection import Selection
from shopctl.errors import ShopctlError
from shopctl.trail import Operator, Trail
from sync_common.bus import (
    DeadLetter,
    DeliveryFailed,
    MessageTooLarge,
    NotADeadLetter,
    Producer,
    ProducerBatch,
    Reader,
)
from sync_common.bus.dead_letters import coordinates, enqueue_replay
from sync_common.contracts.events import DeadLetterBodyViewed, DeadLetterReplayed
from sync_common.runtime import Clock

_SENT_AT_ONCE_MAX: Final = 200
_SENT_AT_ONCE_BYTES_MAX: Final = 16 * 1024 * 1024


@dataclass(frozen=True)
class Desk:
    """Works on dead letters where they lie, in Kafka."""

    reader: Reader
    producer: Producer
    trail: Trail
    clock: Clock

    async def select(self, which: Selection) -> AsyncIterator[DeadLetter]:
        """Yield the dead letters that are meant, of each topic the oldest first."""
        topics = self.reader.existing(which.topics())
        if not topics:
            raise ShopctlError("none of these dead-letter topics exists there: is it the right cluster?")
        since_ms = None if which.since is None else int(which.since.timestamp() * 1000)
        async for message in self.reader.read(topics, since_ms=since_ms):
            try:
                letter = DeadLetter.from_message(message)
            except NotADeadLetter:  # somebody put it there by hand
                continue
            if which.holds(letter):
                yield letter

    async def find(self, at: Coordinates) -> DeadLetter:
        """Return one dead letter; the reader's errors say why there is none."""
        return DeadLetter.from_message(await self.reader.record_at(at.topic, at.partition, at.offset))

    async def look_into(self, letter: DeadLetter, operator: Operator) -> bytes:
        """Return the body, once it is noted that the operator sees it."""
        await self.trail.note(DeadLetterBodyViewed, [letter], operator)
        return letter.message.value or b""

    async def replay(
        self, letters: AsyncIterator[DeadLetter], operator: Operator, *, again: bool, dry_run: bool
    ) -> AsyncIterator[Answer]:
        """Replay what may be; yield each one's fate, those replayed once it is noted."""
        replays = {} if again else await self.trail.replays()
        due: list[DeadLetter] = []
        async for letter in letters:
            before = replays.get(coordinates(letter.message))
            if (why := obstacle(letter, now=self.clock.now())) is not None:
                yield Answer(letter, Fate.REFUSED, why)
            elif before is not None:
                yield Answer(
                    letter, Fate.SKIPPED, f"{before.operator} replayed it at {before.at:%Y-%m-%d %H:%M:%SZ}"
                )
            elif dry_run:
                yield Answer(letter, Fate.REPLAYED)
            else:
                due.append(letter)
                if _is_full(due):
                    for answer in await self._send(due, operator):
                        yield answer
                    due = []
        for answer in await self._send(due, operator):
            yield answer

    async def _send(self, letters: Sequence[DeadLetter], operator: Operator) -> Sequence[Answer]:
        """Send first and note then: what is noted but was not sent would be passed over from now on."""
        batch = self.producer.batch()
        try:
            answers = [await _enqueue(batch, letter) for letter in letters]
            await batch.flush()
            sent = [answer.letter for answer in answers if answer.fate is Fate.REPLAYED]
            await self.trail.note(DeadLetterReplayed, sent, operator)
        except DeliveryFailed as error:
            raise ShopctlError(
                f"{error}: of the last {len(letters)} some may be replayed and not noted; replay them again, "
                "which changes nothing where it was done"
            ) from error
        return answers


async def _enqueue(batch: ProducerBatch, letter: DeadLetter) -> Answer:
    try:
        await enqueue_replay(batch, letter)
    except MessageTooLarge as error:
        return Answer(letter, Fate.REFUSED, str(error))
    return Answer(letter, Fate.REPLAYED)


def _is_full(letters: Sequence[DeadLetter]) -> bool:
    size = sum(letter.message.size for letter in letters)
    return len(letters) >= _SENT_AT_ONCE_MAX or size >= _SENT_AT_ONCE_BYTES_MAX
