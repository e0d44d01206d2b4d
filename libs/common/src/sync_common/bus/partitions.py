"""What a consumer knows of the partitions it holds: positions, pauses, halts and their dead letters."""

import contextlib
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import IllegalStateError
from aiokafka.structs import ConsumerRecord, TopicPartition

from sync_common.bus.batches import first_offsets, positions_after
from sync_common.bus.dead_letters import DeadLetterLimit, PartitionRecord
from sync_common.bus.message import Message, Outcome
from sync_common.bus.metrics import BusMetrics

log = structlog.get_logger()


class Partitions:
    """State of the partitions held; forgotten at every rebalance, when Kafka's committed positions count again."""

    def __init__(self, limit: DeadLetterLimit, group: str, prefix: str, metrics: BusMetrics) -> None:
        self._limit = limit
        self._group = group
        self._prefix = prefix
        self._metrics = metrics
        self.generation = 0
        self._held: set[TopicPartition] = set()
        self._begun: dict[TopicPartition, int] = {}
        self._positions: dict[TopicPartition, int] = {}
        self._committed: dict[TopicPartition, int] = {}
        self._resume_at: dict[str, float] = {}
        self._halted: dict[TopicPartition, str] = {}
        self._records: dict[TopicPartition, PartitionRecord] = {}
        self._weighed: dict[TopicPartition, PartitionRecord] = {}

    def hold(self, assigned: Iterable[TopicPartition]) -> None:
        """Begin with a new assignment."""
        self._held = set(assigned)

    def forget(self) -> None:
        """Drop everything known: it belongs to an assignment that has ended."""
        self.generation += 1
        for tp, cause in self._halted.items():
            self._metrics.stopped_partitions.labels(self._group, self._topic(tp), cause).dec()
        for topic in {self._topic(tp) for tp in self._held}:
            self._metrics.lag.labels(self._group, topic).set(0)
        self._held = set()
        for known in (
            self._begun,
            self._positions,
            self._committed,
            self._resume_at,
            self._halted,
            self._records,
            self._weighed,
        ):
            known.clear()

    def key(self, message: Message) -> TopicPartition:
        """Return the partition that a message came from."""
        return TopicPartition(self._prefix + message.topic, message.partition)

    def read(self, records: Mapping[TopicPartition, Sequence[ConsumerRecord]]) -> None:
        """Note where reading began: until the first commit, the lag counts from there."""
        for tp, partition_records in records.items():
            self._begun.setdefault(tp, partition_records[0].offset)

    def dealt_with(self, pairs: Sequence[tuple[Message, Outcome]]) -> None:
        """Move the positions past these messages, and let what they weighed count."""
        self._records |= self._weighed
        self._weighed.clear()
        if pairs:
            topic = self._prefix + pairs[0][0].topic
            after = positions_after(message for message, _ in pairs)
            self._positions |= {
                TopicPartition(topic, partition): offset for partition, offset in after.items()
            }

    def uncommitted(self) -> dict[TopicPartition, int]:
        """Return the positions that Kafka has not been told."""
        return {tp: at for tp, at in self._positions.items() if self._committed.get(tp) != at}

    def committed(self, positions: dict[TopicPartition, int]) -> None:
        """Note what Kafka has been told."""
        self._committed |= {tp: at for tp, at in positions.items() if tp in self._held}

    def delay(self, topic: str, seconds: float) -> None:
        """Leave a topic alone for a while."""
        self._resume_at[topic] = time.monotonic() + seconds

    def rewind(self, client: AIOKafkaConsumer, messages: Sequence[Message]) -> None:
        """Go back to the first of `messages` in each partition, and pause the topic while it is delayed."""
        topic = messages[0].topic
        for partition, offset in first_offsets(messages).items():
            tp = TopicPartition(self._prefix + topic, partition)
            if tp not in self._halted:
                with contextlib.suppress(IllegalStateError):  # given away meanwhile
                    client.seek(tp, offset)
        if topic in self._resume_at:
            _pause(client, self._of_topic(topic))

    def resume_due(self, client: AIOKafkaConsumer) -> None:
        """Take up the topics whose delay is over."""
        now = time.monotonic()
        for topic in [topic for topic, at in self._resume_at.items() if at <= now]:
            del self._resume_at[topic]
            for tp in self._of_topic(topic) - self._halted.keys():
                with contextlib.suppress(IllegalStateError):
                    client.resume(tp)

    def seconds_to_next_resume(self, *, at_most: float) -> float:
        """Return how long a poll may wait."""
        soonest = min(self._resume_at.values(), default=float("inf")) - time.monotonic()
        return max(0.01, min(at_most, soonest))

    def halt(self, client: AIOKafkaConsumer, tp: TopicPartition, cause: str, detail: str = "") -> None:
        """Stop a partition until a person has looked; its position stays where it is."""
        self._halted[tp] = cause
        _pause(client, {tp})
        self._metrics.stopped_partitions.labels(self._group, self._topic(tp), cause).inc()
        log.error(
            "partition_stopped",
            group=self._group,
            topic=self._topic(tp),
            partition=tp.partition,
            position=self._positions.get(tp),
            reason=f"{cause}: {detail}" if detail else cause,
        )

    def is_halted(self, message: Message) -> bool:
        """Say whether a message's partition has stopped."""
        return bool(self._halted) and self.key(message) in self._halted

    def weigh(self, pairs: Sequence[tuple[Message, Outcome]]) -> None:
        """Count one partition's outcomes; raise TooManyDeadLetters when they pass the limit."""
        tp = self.key(pairs[0][0])
        known = self._records.get(tp) or PartitionRecord(self._limit)
        record = replace(known, latest=deque(known.latest))
        record.note(pairs)
        self._weighed[tp] = record  # a batch that comes again is not counted twice

    def observe_lag(self, client: AIOKafkaConsumer) -> None:
        """Publish how many records each topic is behind."""
        lags: dict[str, int] = {}
        for tp in self._held:
            with contextlib.suppress(AssertionError, KeyError):  # given away meanwhile
                end = client.highwater(tp)
                at = self._positions.get(tp, self._begun.get(tp))
                lag = max(0, end - at) if end is not None and at is not None else 0
                lags[self._topic(tp)] = lags.get(self._topic(tp), 0) + lag
        for topic, lag in lags.items():
            self._metrics.lag.labels(self._group, topic).set(lag)

    def _of_topic(self, topic: str) -> set[TopicPartition]:
        return {tp for tp in self._held if self._topic(tp) == topic}

    def _topic(self, tp: TopicPartition) -> str:
        name: str = tp.topic
        return name.removeprefix(self._prefix)


def _pause(client: AIOKafkaConsumer, tps: Iterable[TopicPartition]) -> None:
    for tp in tps:
        with contextlib.suppress(IllegalStateError):  # given away meanwhile
            client.pause(tp)
