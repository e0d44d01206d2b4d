"""Reading from Kafka: the position is committed last, and a crash at any line repeats work and loses none."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import (
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)
from aiokafka.structs import ConsumerRecord, TopicPartition
from prometheus_client import CollectorRegistry

from sync_common.bus.batches import batches_by_topic
from sync_common.bus.dead_letters import DeadLetterLimit, send_dead_letters
from sync_common.bus.errors import DeliveryFailed, TooManyDeadLetters
from sync_common.bus.handling import Handling, Retry
from sync_common.bus.membership import Membership, close_client, open_client
from sync_common.bus.message import BatchHandler, Message, Outcome, Rejected
from sync_common.bus.metrics import bus_metrics
from sync_common.bus.partitions import Partitions
from sync_common.bus.producer import Producer

_POLL_SECONDS: Final = 0.5
_COMMIT_SECONDS: Final = 5.0
_DEAD_LETTER_LIMIT: Final = DeadLetterLimit()

Records = dict[TopicPartition, list[ConsumerRecord]]
Answered = list[tuple[Message, Outcome]]

log = structlog.get_logger()


class Consumer:
    """Hand batches of one topic each to a handler, and commit their positions once it has returned.

    A partition that needs a person (too many dead letters, an offset out of range) stops where it is, with a
    metric and a log line; the others go on. `run` ends when told to, after the batch in hand.
    """

    def __init__(
        self,
        bootstrap: str,
        group: str,
        topics: Sequence[str],
        handler: BatchHandler,
        *,
        client_id: str,
        transient: Callable[[BaseException], bool],
        dead_letters: Producer,
        max_batch_records: int = 1000,
        max_batch_bytes: int = 16 * 1024 * 1024,
        consumer_name: str | None = None,
        dead_letter_limit: DeadLetterLimit = _DEAD_LETTER_LIMIT,
        handler_timeout_seconds: float = 60.0,
        session_timeout_seconds: float = 15.0,
        registry: CollectorRegistry | None = None,
    ) -> None:
        self._bootstrap = bootstrap
        self._prefix = dead_letters.topic_prefix
        self._group = group
        self._topics = [self._prefix + topic for topic in topics]
        self._client_id = client_id
        self._dead_letters = dead_letters
        self._max_batch_records = max_batch_records
        self._max_batch_bytes = max_batch_bytes
        self._name = consumer_name or group
        self._session_timeout_seconds = session_timeout_seconds
        self._metrics = bus_metrics(registry)
        self._handling = Handling(handler, transient, handler_timeout_seconds)
        self._partitions = Partitions(dead_letter_limit, group, self._prefix, self._metrics)
        self._membership = Membership(self._partitions)

    def is_ready(self) -> bool:
        """Say whether the group has given this consumer its share; for readiness."""
        return self._membership.joined

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop` is set; then finish the batch in hand, commit and leave the group."""
        client = await open_client(
            self._bootstrap,
            self._prefix + self._group,
            self._topics,
            client_id=self._client_id,
            session_timeout_seconds=self._session_timeout_seconds,
            listener=self._membership,
            stop=stop,
        )
        if client is None:
            return
        try:
            while not stop.is_set():
                await self._turn(client, stop)
            await self._commit(client)
        finally:
            self._membership.leave()
            await close_client(client)

    async def _turn(self, client: AIOKafkaConsumer, stop: asyncio.Event) -> None:
        self._partitions.resume_due(client)
        await self._commit(client)
        records = await self._poll(client)
        self._partitions.read(records)
        self._partitions.observe_lag(client)
        share = self._membership.share
        topics = batches_by_topic(
            records,
            max_records=self._max_batch_records,
            max_bytes=self._max_batch_bytes,
            prefix=self._prefix,
        )
        for batches in topics.values():
            for index, batch in enumerate(batches):
                if stop.is_set() or self._membership.share != share:
                    return  # what is not committed is read again, here or by another member
                async with self._membership.working:
                    handled = await self._handle(client, batch)
                if not handled:
                    self._partitions.rewind(client, [one for later in batches[index:] for one in later])
                    break

    async def _poll(self, client: AIOKafkaConsumer) -> Records:
        wait_ms = int(1000 * self._partitions.seconds_to_next_resume(at_most=_POLL_SECONDS))
        try:
            # A rebalance holds a poll back for its whole length.
            async with asyncio.timeout(_POLL_SECONDS * 4):
                records: Records = await client.getmany(
                    timeout_ms=wait_ms, max_records=self._max_batch_records
                )
                return records
        except NoOffsetForPartitionError as error:
            with contextlib.suppress(IllegalStateError):  # given away meanwhile
                await client.seek_to_beginning(error.args[0])
        except OffsetOutOfRangeError as error:
            for tp in error.args[0]:
                self._partitions.halt(client, tp, "offset_out_of_range")
        except TimeoutError:
            pass
        return {}

    async def _handle(self, client: AIOKafkaConsumer, batch: Sequence[Message]) -> bool:
        """Handle one batch and commit it; False when it has to come again."""
        started = time.monotonic()
        messages = [message for message in batch if not self._partitions.is_halted(message)]
        if not messages:
            return True
        topic, generation = messages[0].topic, self._partitions.generation
        try:
            outcomes = await self._handling.outcomes(messages)
            if self._partitions.generation != generation:
                return True  # it outlasted a rebalance: whoever holds the partitions now reads it again
            accepted = self._weigh(client, messages, outcomes)
            rejected = await self._set_aside(topic, accepted)
            if self._partitions.generation != generation:
                return True  # or the dead letters did
        except Retry as retry:
            self._metrics.retries.labels(self._group, topic, retry.cause).inc()
            self._partitions.delay(topic, retry.seconds)
            log.warning(
                "batch_put_back",
                topic=topic,
                group=self._group,
                records=len(messages),
                reason=retry.cause,
                error=retry.error,
                attempt=retry.attempt,
            )
            return False
        self._partitions.dealt_with(accepted)
        await self._commit(client)
        self._account(messages[0], len(accepted), rejected, time.monotonic() - started)
        return True

    def _weigh(
        self, client: AIOKafkaConsumer, messages: Sequence[Message], outcomes: Sequence[Outcome]
    ) -> Answered:
        """Return what may be dealt with; a partition with too many dead letters stops before this batch."""
        by_partition: dict[int, Answered] = {}
        for message, outcome in zip(messages, outcomes, strict=True):
            by_partition.setdefault(message.partition, []).append((message, outcome))
        accepted: Answered = []
        for pairs in by_partition.values():
            try:
                self._partitions.weigh(pairs)
            except TooManyDeadLetters as error:
                self._partitions.halt(
                    client, self._partitions.key(pairs[0][0]), "too_many_dead_letters", str(error)
                )
            else:
                accepted += pairs
        return accepted

    async def _set_aside(self, topic: str, accepted: Answered) -> Sequence[Rejected]:
        """Send the rejected messages to their dead-letter topic; return why each was rejected."""
        rejected = [(message, outcome) for message, outcome in accepted if isinstance(outcome, Rejected)]
        try:
            if rejected:
                await send_dead_letters(self._dead_letters, self._name, rejected)
        except DeliveryFailed as error:
            raise self._handling.retry(topic, "transient", error) from error
        return [rejection for _, rejection in rejected]

    async def _commit(self, client: AIOKafkaConsumer) -> None:
        """Commit what is dealt with; a commit that fails is repeated with the next one."""
        positions = self._partitions.uncommitted()
        if not positions:
            return
        try:
            async with asyncio.timeout(_COMMIT_SECONDS):
                await client.commit(positions)
        except (KafkaError, TimeoutError) as error:  # the group moved on, or the coordinator is away
            log.warning("commit_failed", group=self._group, error=type(error).__name__)
        else:
            self._partitions.committed(positions)

    def _account(self, first: Message, records: int, rejected: Sequence[Rejected], seconds: float) -> None:
        labels = (self._group, first.topic)
        self._metrics.batch_seconds.labels(*labels).observe(seconds)
        self._metrics.records.labels(*labels, "done").inc(records - len(rejected))
        self._metrics.records.labels(*labels, "rejected").inc(len(rejected))
        for rejection in rejected:
            self._metrics.dead_letters.labels(*labels, rejection.error).inc()
        log.info(
            "batch",
            topic=first.topic,
            group=self._group,
            partition=first.partition,
            offset=first.offset,
            records=records,
            dead_letters=len(rejected),
            seconds=round(seconds, 4),
        )
