"""Sending to Kafka: acknowledged by all replicas in sync, idempotent, and with a deadline that holds."""

import asyncio
import math
import time
from collections import deque
from itertools import chain
from typing import Final

from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from sync_common.bus.accumulator import Accumulator, Headers, Taken
from sync_common.bus.connection import Connection
from sync_common.bus.deadlines import Deadlines
from sync_common.bus.errors import DeliveryFailed, MessageTooLarge
from sync_common.bus.topics import message_size_limit

_SMALL_BYTES: Final = 512 * 1024
_STOP_SECONDS_MAX: Final = 5.0
_UNFLUSHED_MAX: Final = 50_000  # acknowledgements remembered by one batch before the oldest is awaited


class Producer:
    """Send records and learn whether Kafka has them.

    `send` waits for one acknowledgement. For speed, take a `batch()`, `enqueue` many and `flush` once: the flush
    raises DeliveryFailed when any of them was lost. A failed delivery is unknown, not refused: the record may
    still arrive, and sending it again may repeat it. The producer stays usable after any failure.
    """

    def __init__(
        self,
        bootstrap: str,
        client_id: str,
        *,
        delivery_timeout_seconds: float = 30.0,
        topic_prefix: str = "",
    ) -> None:
        self.delivery_timeout_seconds = delivery_timeout_seconds
        self.topic_prefix = topic_prefix
        self._deadlines = Deadlines()
        self._connection = Connection(
            bootstrap, client_id, request_timeout_seconds=min(delivery_timeout_seconds, 10.0)
        )

    async def start(self) -> None:
        """Connect; raise DeliveryFailed when no broker answers before the deadline."""
        await self._connect(time.monotonic() + self.delivery_timeout_seconds)

    async def stop(self) -> None:
        """Wait for what was sent, within the deadline, and disconnect."""
        await self._connection.close(patience_seconds=min(self.delivery_timeout_seconds, _STOP_SECONDS_MAX))

    def is_connected(self) -> bool:
        """Say whether the last attempt to reach Kafka succeeded; for readiness."""
        return self._connection.current is not None

    async def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes,
        headers: Headers,
        partition: int | None = None,
        *,
        deadline: float = math.inf,
    ) -> None:
        """Send one record and wait until Kafka has it; raise DeliveryFailed after the deadline.

        A caller that has less time than the producer's own deadline gives one, by the event loop's time.
        """
        started = time.monotonic()
        deadline = min(deadline, started + self.delivery_timeout_seconds)
        try:
            taken = await self._hand_over(topic, key, value, headers, partition, deadline)
            self._deadlines.watch(taken, deadline)
            await taken
        except (TimeoutError, KafkaError) as error:
            raise self._failure(topic, error, since=started) from error

    def batch(self) -> "ProducerBatch":
        """Return a set of records that is flushed on its own."""
        return ProducerBatch(self)

    async def partitions(self, topic: str) -> int:
        """Return how many partitions a topic has."""
        try:
            async with asyncio.timeout(self.delivery_timeout_seconds):
                accumulator = await self._connection.accumulator()
                return await accumulator.partitions(self.topic_prefix + topic)
        except (TimeoutError, KafkaError) as error:
            raise DeliveryFailed(f"{topic}: its partitions cannot be read") from error

    async def _connect(self, deadline: float) -> Accumulator:
        try:
            async with asyncio.timeout_at(deadline):
                return await self._connection.accumulator()
        except TimeoutError:
            raise DeliveryFailed("no broker answered before the deadline") from None

    async def _hand_over(
        self,
        topic: str,
        key: bytes | None,
        value: bytes,
        headers: Headers,
        partition: int | None,
        deadline: float,
    ) -> Taken:
        refuse_oversize(topic, key, value, headers)
        accumulator = self._connection.current or await self._connect(deadline)
        return await accumulator.append(
            self.topic_prefix + topic, key, value, headers, partition, deadline=deadline
        )

    def _failure(
        self, topic: str, error: TimeoutError | KafkaError, *, since: float
    ) -> DeliveryFailed | MessageTooLarge:
        if isinstance(error, TimeoutError):
            self._connection.note_silence(since=since)
            return DeliveryFailed(f"{topic}: not acknowledged before the deadline")
        if isinstance(error, (MessageSizeTooLargeError, RecordListTooLargeError)):
            return MessageTooLarge(f"{topic}: the broker refused the record's size")
        return DeliveryFailed(f"{topic}: {type(error).__name__}")


class ProducerBatch:
    """Records of one caller, flushed together; a caller learns of its own losses alone."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._pending: deque[Taken] = deque()
        self._lost = 0
        self._cause: BaseException | None = None

    async def enqueue(
        self, topic: str, key: bytes | None, value: bytes, headers: Headers, partition: int | None = None
    ) -> Taken:
        """Hand a record over for the next `flush`; waits where Kafka is slower than the caller."""
        producer, started = self._producer, time.monotonic()
        deadline = started + producer.delivery_timeout_seconds
        try:
            taken = await producer._hand_over(topic, key, value, headers, partition, deadline)
        except (TimeoutError, KafkaError) as error:
            raise producer._failure(topic, error, since=started) from error
        self._pending.append(taken)
        if len(self._pending) > _UNFLUSHED_MAX:
            await self._settle(self._pending.popleft())
        return taken

    async def flush(self) -> None:
        """Wait until Kafka has all of it; raise DeliveryFailed when it lacks any."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._producer.delivery_timeout_seconds):
                while self._pending:
                    await self._settle(self._pending[0])
                    self._pending.popleft()
        except TimeoutError as error:
            self._lost += len(self._pending)
            self._cause = self._producer._failure("batch", error, since=started)
            while self._pending:
                self._pending.popleft().cancel()  # nobody will ask what became of it
        lost, cause = self._lost, self._cause
        self._lost, self._cause = 0, None
        if lost:
            raise DeliveryFailed(f"{lost} records were not acknowledged") from cause

    async def _settle(self, taken: Taken) -> None:
        try:
            await taken
        except KafkaError as error:
            self._lost += 1
            self._cause = error


def refuse_oversize(topic: str, key: bytes | None, value: bytes, headers: Headers) -> None:
    """Raise MessageTooLarge before the broker would: a refused batch takes its neighbours with it."""
    if len(value) < _SMALL_BYTES:  # as nearly all are; no key and headers of ours fill the rest
        return
    size = (
        len(key or b"") + len(value) + sum(map(len, chain.from_iterable(headers))) + 10 * len(headers) + 128
    )
    limit = message_size_limit(topic)
    if size > limit:
        raise MessageTooLarge(f"{topic}: a record of {size} bytes exceeds {limit}")
