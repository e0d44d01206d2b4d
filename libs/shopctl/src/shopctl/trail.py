"""The audit trail: who replayed what, and who looked at a body, as events of a topic of its own."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sync_common.bus import DeadLetter, Producer, Reader
from sync_common.bus.dead_letters import coordinates
from sync_common.bus.events import event_body, event_envelope
from sync_common.contracts.events import EVENTS
from sync_common.contracts.events.dead_letters import DeadLetterAudited, DeadLetterReplayed
from sync_common.contracts.topics import DEAD_LETTER_RETENTION_MS, DEAD_LETTERS_AUDITED_TOPIC, SHOPCTL
from sync_common.runtime import Clock

_DEAD_LETTERS_LIVE: Final = timedelta(milliseconds=DEAD_LETTER_RETENTION_MS, days=1)


@dataclass(frozen=True, slots=True)
class Operator:
    """Who acts, and what they give as the reason."""

    name: str
    because: str = ""


@dataclass(frozen=True)
class Trail:
    """Reads and writes the audit events."""

    reader: Reader
    producer: Producer
    clock: Clock

    async def read(self, since: datetime | None = None) -> AsyncIterator[DeadLetterAudited]:
        """Yield the events, oldest first."""
        since_ms = None if since is None else int(since.timestamp() * 1000)
        async for message in self.reader.read([DEAD_LETTERS_AUDITED_TOPIC], since_ms=since_ms):
            model = EVENTS.get(message.envelope().type)
            if model is not None and issubclass(model, DeadLetterAudited):  # a newer version may write others
                yield message.event(model)

    async def replays(self) -> dict[str, DeadLetterReplayed]:
        """Return the latest replay of each dead letter that may still be there, by its coordinates."""
        since = self.clock.now() - _DEAD_LETTERS_LIVE
        return {
            event.dead_letter: event
            async for event in self.read(since)
            if isinstance(event, DeadLetterReplayed)
        }

    async def note(
        self, deed: type[DeadLetterAudited], letters: Sequence[DeadLetter], operator: Operator
    ) -> None:
        """Write down what an operator does to dead letters, and wait until Kafka has it."""
        now = self.clock.now()
        batch = self.producer.batch()
        for letter in letters:
            event = deed(
                dead_letter=coordinates(letter.message),
                came_from=f"{letter.topic}/{letter.partition}/{letter.offset}",
                record=record_of(letter),
                error=letter.error,
                operator=operator.name,
                because=operator.because,
                at=now,
            )
            headers = event_envelope(event, source=SHOPCTL, now=now).to_headers()
            await batch.enqueue(event.TOPIC, event.key().encode(), event_body(event), headers)
        await batch.flush()


def record_of(letter: DeadLetter) -> str:
    """Name the record by its key, or by its subject where it has none."""
    name = letter.message.key or dict(letter.message.headers).get("ce_subject", b"")
    return name.decode(errors="replace")
