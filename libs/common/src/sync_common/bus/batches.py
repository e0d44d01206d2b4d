"""Cut what a poll returned into batches: one topic each, bounded in records and bytes, order kept."""

from collections.abc import Iterable, Mapping, Sequence

from aiokafka.structs import ConsumerRecord, TopicPartition

from sync_common.bus.message import Message


def batches_by_topic(
    records: Mapping[TopicPartition, Sequence[ConsumerRecord]],
    *,
    max_records: int,
    max_bytes: int,
    prefix: str = "",
) -> dict[str, list[list[Message]]]:
    """Return the batches of each topic, in order; topics lose `prefix`."""
    by_topic: dict[str, list[Message]] = {}
    for tp, partition_records in records.items():
        topic = tp.topic.removeprefix(prefix)
        by_topic.setdefault(topic, []).extend(message_of(topic, record) for record in partition_records)
    return {
        topic: list(_cut(messages, max_records=max_records, max_bytes=max_bytes))
        for topic, messages in by_topic.items()
    }


def first_offsets(messages: Iterable[Message]) -> dict[int, int]:
    """Return where each partition begins in `messages`."""
    offsets: dict[int, int] = {}
    for message in messages:
        offsets.setdefault(message.partition, message.offset)
    return offsets


def positions_after(messages: Iterable[Message]) -> dict[int, int]:
    """Return the position of each partition once `messages` are dealt with."""
    return {message.partition: message.offset + 1 for message in messages}


def message_of(topic: str, record: ConsumerRecord) -> Message:
    """Return a record as handlers see it."""
    return Message(
        topic=topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        # Kafka allows a header without a value.
        headers=[(name, value or b"") for name, value in record.headers],
        timestamp_ms=record.timestamp,
    )


def _cut(messages: Sequence[Message], *, max_records: int, max_bytes: int) -> Iterable[list[Message]]:
    batch: list[Message] = []
    size = 0
    for message in messages:
        message_bytes = message.size
        if batch and (len(batch) >= max_records or size + message_bytes > max_bytes):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += message_bytes
    if batch:
        yield batch
