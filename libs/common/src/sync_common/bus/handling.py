"""What happens around one call of a handler: try again, isolate the culprit, or give an answer."""

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Final

from sync_common.bus.errors import DeliveryFailed, WrongOutcomes
from sync_common.bus.message import BatchHandler, Message, Outcome, Rejected, rejection_of
from sync_common.contracts.envelope import MalformedEnvelope

TRIES: Final = 3
BLAMES_MESSAGE: Final = (Rejected, MalformedEnvelope)
_BACKOFF_SECONDS_MIN: Final = 0.25
_BACKOFF_SECONDS_MAX: Final = 30.0

Transient = Callable[[BaseException], bool]


class Retry(Exception):
    """Put the batch back and come again after a while."""

    def __init__(self, cause: str, error: BaseException, attempt: int) -> None:
        super().__init__(cause)
        self.cause = cause
        self.error = type(error).__name__
        self.attempt = attempt

    @property
    def seconds(self) -> float:
        """Return how long to wait: doubling, bounded, and scattered so that replicas do not come together."""
        doubled = _BACKOFF_SECONDS_MIN * 2.0 ** min(self.attempt - 1, 16)
        return min(doubled, _BACKOFF_SECONDS_MAX) * random.uniform(0.75, 1.0)  # noqa: S311 - no secret


class Handling:
    """Call a handler and sort what it raises.

    Transient errors are retried for ever, unknown ones three times; then the batch is halved until the message
    that makes it fail stands alone and is rejected. An error that blames the message is believed at once.
    """

    def __init__(self, handler: BatchHandler, transient: Transient, timeout_seconds: float) -> None:
        self._handler = handler
        self._transient = transient
        self._timeout_seconds = timeout_seconds
        self._failures: dict[str, int] = {}
        self._unknown_failures: dict[str, int] = {}

    async def outcomes(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        """Return one outcome per message, or raise Retry."""
        topic = messages[0].topic
        outcomes = await self._halve_on_failure(messages, isolate=False)
        self._failures.pop(topic, None)
        self._unknown_failures.pop(topic, None)
        return outcomes

    def retry(self, topic: str, cause: str, error: BaseException) -> Retry:
        """Count a failure of `topic` and return the retry it calls for."""
        self._failures[topic] = self._failures.get(topic, 0) + 1
        return Retry(cause, error, self._failures[topic])

    async def _halve_on_failure(self, messages: Sequence[Message], *, isolate: bool) -> Sequence[Outcome]:
        try:
            return await self._call(messages)
        except WrongOutcomes:
            raise
        except Exception as error:  # noqa: BLE001 - every error of a handler is sorted here, in one place
            self._wait_or_isolate(messages[0].topic, error, isolate=isolate)
            if len(messages) == 1:
                return [rejection_of(error) if isinstance(error, BLAMES_MESSAGE) else _unexpected(error)]
        half = len(messages) // 2
        return [
            *await self._halve_on_failure(messages[:half], isolate=True),
            *await self._halve_on_failure(messages[half:], isolate=True),
        ]

    def _wait_or_isolate(self, topic: str, error: Exception, *, isolate: bool) -> None:
        """Raise Retry unless the culprit should be looked for now."""
        if isinstance(error, (DeliveryFailed, TimeoutError)) or self._transient(error):
            raise self.retry(topic, "transient", error) from error
        if isolate or isinstance(error, BLAMES_MESSAGE):
            return
        self._unknown_failures[topic] = self._unknown_failures.get(topic, 0) + 1
        if self._unknown_failures[topic] < TRIES:
            raise self.retry(topic, "unknown", error) from error

    async def _call(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        async with asyncio.timeout(self._timeout_seconds):
            outcomes = await self._handler(messages)
        if len(outcomes) != len(messages):
            raise WrongOutcomes(f"{len(outcomes)} outcomes for {len(messages)} messages")
        return outcomes


def _unexpected(error: Exception) -> Rejected:
    """Describe an error by its class alone: its text may quote the record."""
    name = type(error).__name__
    return Rejected(f"unexpected {name} in {TRIES} tries", error=name)
