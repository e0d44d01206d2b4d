"""Looking through topics from outside any group: nothing is committed, and no consumer notices."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from types import TracebackType
from typing import Final, Self

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError, OffsetOutOfRangeError
from aiokafka.structs import ConsumerRecord, TopicPartition

from sync_common.bus.batches import message_of
from sync_common.bus.errors import KafkaUnreachable, NoSuchRecord, NoSuchTopic
from sync_common.bus.message import Message

_ANSWER_SECONDS: Final = 15.0
_POLL_SECONDS: Final = 1.0
_RECORDS_MAX: Final = 500
_FETCH_BYTES_MAX: Final = 32 * 1024 * 1024


class Reader:
    """Reads records of any topic; to be used in an `async with` block."""

    def __init__(self, bootstrap: str, client_id: str, *, topic_prefix: str = "") -> None:
        self._bootstrap = bootstrap
        self._prefix = topic_prefix
        self._partitions: Mapping[str, Collection[int]] = {}
        self._client = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            client_id=client_id,
            enable_auto_commit=False,
            auto_offset_reset="none",
            fetch_max_bytes=_FETCH_BYTES_MAX,
            request_timeout_ms=int(_ANSWER_SECONDS * 1000),
        )

    async def __aenter__(self) -> Self:
        """Connect; raise KafkaUnreachable when no broker answers."""
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self._client.start()
                cluster = (
                    await self._client._client.fetch_all_metadata()
                )  # the public call leaves out partitions
        except (KafkaError, TimeoutError) as error:
            await self._client.stop()
            raise KafkaUnreachable(f"Kafka does not answer at {self._bootstrap}") from error
        self._partitions = {topic: cluster.partitions_for_topic(topic) for topic in cluster.topics()}
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Disconnect; an error of Kafka's becomes KafkaUnreachable."""
        await self._client.stop()
        if isinstance(error, KafkaError):
            raise KafkaUnreachable(f"Kafka failed at {self._bootstrap}: {type(error).__name__}") from error

    def existing(self, topics: Collection[str]) -> list[str]:
        """Return those of the topics that the cluster has, in the order given."""
        return [topic for topic in topics if self._prefix + topic in self._partitions]

    async def read(self, topics: Collection[str], *, since_ms: int | None = None) -> AsyncIterator[Message]:
        """Yield what the topics hold now, of each partition from the oldest on, or from a time on."""
        partitions = [tp for topic in topics for tp in self._of_topic(topic)]
        ends = {tp: end for tp, end in (await self._client.end_offsets(partitions)).items() if end > 0}
        if not ends:
            return
        await self._begin(list(ends), since_ms)
        while ends := {tp: end for tp, end in ends.items() if await self._client.position(tp) < end}:
            self._client.pause(*(self._client.assignment() - ends.keys()))
            for tp, records in (await self._poll()).items():
                for record in records:
                    if tp in ends and record.offset < ends[tp]:
                        yield message_of(tp.topic.removeprefix(self._prefix), record)

    async def record_at(self, topic: str, partition: int, offset: int) -> Message:
        """Return one record; raise NoSuchTopic or NoSuchRecord, which say what there is instead."""
        tp = TopicPartition(self._prefix + topic, partition)
        if tp not in self._of_topic(topic):
            raise NoSuchRecord(f"{topic} has no partition {partition}")
        first = (await self._client.beginning_offsets([tp]))[tp]
        end = (await self._client.end_offsets([tp]))[tp]
        if offset < first:
            raise NoSuchRecord(f"{topic}/{partition}/{offset} has expired: the oldest kept is offset {first}")
        if offset >= end:
            raise NoSuchRecord(
                f"{topic}/{partition}/{offset} does not exist: the next one will be offset {end}"
            )
        self._client.assign([tp])
        self._client.seek(tp, offset)
        while True:
            for record in (await self._poll(at_most=1)).get(tp, []):
                return message_of(topic, record)

    def _of_topic(self, topic: str) -> list[TopicPartition]:
        if not self.existing([topic]):
            raise NoSuchTopic(f"there is no topic {topic} at {self._bootstrap}")
        name = self._prefix + topic
        return [TopicPartition(name, partition) for partition in sorted(self._partitions[name])]

    async def _begin(self, partitions: list[TopicPartition], since_ms: int | None) -> None:
        self._client.assign(partitions)
        starts = await self._client.beginning_offsets(partitions)
        if since_ms is not None:
            found = await self._client.offsets_for_times(dict.fromkeys(partitions, since_ms))
            ends = await self._client.end_offsets(partitions)
            starts = {tp: found[tp].offset if found.get(tp) else ends[tp] for tp in partitions}
        for tp, offset in starts.items():
            self._client.seek(tp, offset)

    async def _poll(self, *, at_most: int = _RECORDS_MAX) -> dict[TopicPartition, list[ConsumerRecord]]:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                found: dict[TopicPartition, list[ConsumerRecord]] = {}
                while not found:
                    found = await self._client.getmany(
                        timeout_ms=int(_POLL_SECONDS * 1000), max_records=at_most
                    )
                return found
        except OffsetOutOfRangeError as error:  # retention was faster than we are
            await self._client.seek_to_beginning(*error.args[0])
            return {}
        except TimeoutError:
            raise KafkaUnreachable(f"Kafka at {self._bootstrap} no longer answers") from None
