"""This member's place in its consumer group: joining, and letting partitions go without losing the batch in hand."""

import asyncio
import contextlib
from collections.abc import Collection, Sequence
from typing import Final

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from sync_common.bus.partitions import Partitions
from sync_common.bus.waiting import pause

_HAND_OVER_SECONDS: Final = 20.0
_REBALANCE_SECONDS: Final = 30.0
_POLL_INTERVAL_SECONDS: Final = 300.0
_REJOIN_SECONDS: Final = 1.0
_LEAVE_SECONDS: Final = 3.0
_FETCH_BYTES_MAX: Final = 8 * 1024 * 1024  # what a consumer holds beside the batch in hand
# Enough for a batch of large records from three partitions; Kafka returns a larger record all the same, alone.
_PARTITION_FETCH_BYTES_MAX: Final = 3 * 512 * 1024

log = structlog.get_logger()


class Membership(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka is untyped
    """Follow rebalances. `share` counts them: a batch read under another share is no longer ours to begin."""

    def __init__(self, partitions: Partitions) -> None:
        self._partitions = partitions
        self.share = 0
        self.joined = False
        self.working = asyncio.Lock()

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Let the batch in hand be committed first, while the group waits; begin no other."""
        self.share += 1
        self.joined = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_HAND_OVER_SECONDS), self.working:
                pass
        self._partitions.forget()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Begin afresh: every position is the committed one."""
        self._partitions.hold(assigned)
        self.joined = True
        log.info("partitions_assigned", partitions=len(assigned))

    def leave(self) -> None:
        """Hold nothing any more."""
        self.joined = False
        self._partitions.forget()


async def open_client(
    bootstrap: str,
    group: str,
    topics: Sequence[str],
    *,
    client_id: str,
    session_timeout_seconds: float,
    listener: Membership,
    stop: asyncio.Event,
) -> AIOKafkaConsumer | None:
    """Return a started client, trying until Kafka and the topics are there; None when stopped before."""
    while not stop.is_set():
        client = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            client_id=client_id,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="none",  # a lost position must be seen by a person, never skipped
            partition_assignment_strategy=(StickyPartitionAssignor,),
            session_timeout_ms=int(session_timeout_seconds * 1000),
            heartbeat_interval_ms=int(session_timeout_seconds * 1000 / 5),
            rebalance_timeout_ms=int(_REBALANCE_SECONDS * 1000),
            max_poll_interval_ms=int(_POLL_INTERVAL_SECONDS * 1000),
            fetch_max_bytes=_FETCH_BYTES_MAX,
            max_partition_fetch_bytes=_PARTITION_FETCH_BYTES_MAX,
            metadata_max_age_ms=60_000,
        )
        client.subscribe(topics, listener=listener)
        if await _started(client, stop):
            return client
    return None


async def close_client(client: AIOKafkaConsumer) -> None:
    """Leave the group and disconnect; an absent coordinator is not waited for."""
    stopping = asyncio.create_task(client.stop())
    done, _ = await asyncio.wait({stopping}, timeout=_LEAVE_SECONDS)
    if not done:
        await client._client.close()
        await _cancel(stopping)


async def _started(client: AIOKafkaConsumer, stop: asyncio.Event) -> bool:
    starting = asyncio.create_task(client.start())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            return True
    except KafkaError as error:
        log.warning("kafka_not_ready", kind="consumer", error=type(error).__name__)
    finally:
        await _cancel(stopping)
        if not (starting.done() and not starting.cancelled() and starting.exception() is None):
            await _cancel(starting)
            await close_client(client)
    await pause(stop, _REJOIN_SECONDS)
    return False


async def _cancel(task: "asyncio.Task[object]") -> None:
    task.cancel()
    await asyncio.wait({task})
