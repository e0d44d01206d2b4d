"""Records on their way to Kafka: those that come while a partition's batch is away make its next batch.

aiokafka gathers by itself as well, at twice the cost of a record: a coroutine, a future and two system calls for each.
"""

import asyncio
import contextlib
import copy
import time
from collections.abc import Callable, Sequence
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder

from sync_common.bus.partitioner import partition_of

_METADATA_SECONDS: Final = 60.0  # how long a topic's number of partitions is believed
_IN_FLIGHT_SECONDS: Final = 0.5

Headers = Sequence[tuple[str, bytes]]
Taken = asyncio.Future[int]
"""A record's offset, once Kafka has it."""


class Accumulator:
    """One aiokafka client, and for each partition one batch that grows while the one before it is away."""

    def __init__(self, client: AIOKafkaProducer, on_loss: Callable[["Accumulator"], None]) -> None:
        self.client = client
        self.on_loss = on_loss
        """Called when a batch was lost: the client's later ones will fail as well."""
        self.loop = asyncio.get_running_loop()
        self.heard_at = time.monotonic()
        """When Kafka last acknowledged a batch or, before that, accepted the connection."""
        self._counts: dict[str, int] = {}
        self._queues: dict[tuple[str, int], _Queue] = {}

    async def append(
        self,
        topic: str,
        key: bytes | None,
        value: bytes,
        headers: Headers,
        partition: int | None,
        *,
        deadline: float,
    ) -> Taken:
        """Take a record; wait while its partition's batch is full.

        Raises TimeoutError after the deadline, by the event loop's time, and KafkaError when the topic cannot be read.
        """
        if partition is None:
            partition = partition_of(key, self._counts.get(topic) or await self._count(topic, deadline))
        queue = self._queues.get((topic, partition))
        if queue is None:
            queue = self._queues[topic, partition] = _Queue(self, topic, partition)
        while (taken := queue.append(key, value, headers)) is None:
            async with asyncio.timeout_at(deadline):
                await queue.next_batch.wait()
        return taken

    async def partitions(self, topic: str) -> int:
        """Return how many partitions a topic has, as the client knows them; raise KafkaError when it cannot learn."""
        return len(await self.client.partitions_for(topic))

    async def close(self, *, patience_seconds: float) -> None:
        """Send what was taken and disconnect; give up what is still here when patience ends."""
        stopping = asyncio.create_task(self._flush_and_stop())
        done, _ = await asyncio.wait({stopping}, timeout=patience_seconds)
        if not done:  # stop() waits for every record it holds, and has no deadline of its own
            sender = self.client._sender.sender_task
            for _ in range(2):  # the first cancellation lets requests in flight end, the second does not
                sender.cancel()
                await asyncio.wait({sender}, timeout=_IN_FLIGHT_SECONDS)
            self.client._message_accumulator.fail_all(KafkaError("the client was given up"))
        with contextlib.suppress(KafkaError):
            await stopping

    async def _flush_and_stop(self) -> None:
        if sending := [queue.sending for queue in self._queues.values() if queue.sending is not None]:
            await asyncio.wait(sending)
        await self.client.stop()

    async def _count(self, topic: str, deadline: float) -> int:
        async with asyncio.timeout_at(deadline):
            count = self._counts[topic] = await self.partitions(topic)
        self.loop.call_later(_METADATA_SECONDS, self._counts.pop, topic, None)
        return count


class _Queue:
    """The records of one partition."""

    __slots__ = ("_accumulator", "_batch", "_partition", "_taken", "_topic", "next_batch", "sending")

    def __init__(self, accumulator: Accumulator, topic: str, partition: int) -> None:
        self._accumulator = accumulator
        self._topic = topic
        self._partition = partition
        self._batch: BatchBuilder = accumulator.client.create_batch()
        self._taken: list[Taken] = []
        self.next_batch = asyncio.Event()
        """Wakes those who wait for it when a full batch has left; never stays set."""
        self.sending: asyncio.Task[None] | None = None

    def append(self, key: bytes | None, value: bytes, headers: Headers) -> Taken | None:
        """Take a record into the batch; return None when it is full."""
        if self._batch.append(timestamp=None, key=key, value=value, headers=headers) is None:
            return None
        taken: Taken = self._accumulator.loop.create_future()
        self._taken.append(taken)
        if self.sending is None:
            self.sending = self._accumulator.loop.create_task(self._send())
        return taken

    async def _send(self) -> None:
        """Send batch after batch until there is nothing to send."""
        accumulator, client = self._accumulator, self._accumulator.client
        while self._taken:
            batch, self._batch = self._batch, client.create_batch()
            taken, self._taken = self._taken, []
            self.next_batch.set()
            self.next_batch.clear()
            batch.close()
            try:
                written = await (await client.send_batch(batch, self._topic, partition=self._partition))
            except Exception as error:  # noqa: BLE001 - those who wait for the records are told
                accumulator.on_loss(accumulator)
                _fail(taken, error)
            else:
                accumulator.heard_at = time.monotonic()
                _settle(taken, written.offset)
        self.sending = None


def _settle(taken: list[Taken], offset: int) -> None:
    for one in taken:
        if not one.done():  # else nobody waits for it any more
            one.set_result(offset)
        offset += 1


def _fail(taken: list[Taken], error: Exception) -> None:
    for one in taken:
        if not one.done():
            one.set_exception(copy.copy(error))  # each of those who wait adds a traceback of its own
