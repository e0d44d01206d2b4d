"""Dead letters on a real broker, and the command line that works on them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition
from typer.testing import CliRunner, Result

from shopctl.commands import dlq
from shopctl.desk import Desk
from shopctl.main import Tools, open_keys
from shopctl.trail import Trail
from sync_common.bus import Message, Producer, Reader, Rejected
from sync_common.bus.dead_letters import REPLAYED_FROM, send_dead_letters
from sync_common.contracts.records import fetched, part_ended, record_key
from sync_common.contracts.resources import SHOPIFY_API_VERSION, Resource
from sync_common.contracts.topics import RECORD_WRITER, dead_letter_topic, sync_topic
from sync_common.runtime import SystemClock

TOPIC = sync_topic(Resource.ORDERS)
LETTERS = dead_letter_topic(TOPIC, RECORD_WRITER)
SHOP = "acme.myshopify.com"


class World:
    """A cluster with topics of its own: what lies in them, what is set aside, and the commands."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self.bootstrap = bootstrap
        self.prefix = prefix
        self.producer = Producer(bootstrap, "test", topic_prefix=prefix)
        self._offset = 0

    @asynccontextmanager
    async def desk(self, bootstrap: str | None = None) -> AsyncIterator[Desk]:
        at, clock = bootstrap or self.bootstrap, SystemClock()
        producer = Producer(at, "shopctl", topic_prefix=self.prefix)
        async with Reader(at, "shopctl", topic_prefix=self.prefix) as reader:
            try:
                yield Desk(reader, producer, Trail(reader, producer, clock), clock)
            finally:
                await producer.stop()

    async def shopctl(self, *arguments: str, desk: Any = None, env: dict[str, str] | None = None) -> Result:
        """Run `shopctl dlq …` as an operator does."""
        run = partial(CliRunner().invoke, dlq.app, arguments)
        return await asyncio.to_thread(
            run, obj=Tools(desk or self.desk, open_keys), env={"USER": "ada", **(env or {})}
        )

    async def set_aside(
        self,
        record_id: str = "1",
        *,
        reason: str = "orders.currency: missing",
        error: str = "InvalidRecord",
        body: bytes = b'{"email":"somebody@example.com"}',
        age: timedelta = timedelta(),
        topic: str = TOPIC,
        consumer: str = RECORD_WRITER,
    ) -> Message:
        """Make a record of a job a dead letter; return the record as the consumer had it."""
        now = datetime.now(UTC) - age
        record = fetched(
            resource=Resource.ORDERS, shop=SHOP, record_id=record_id, body=body, observed_at=now, now=now,
            source="sync-orchestrator", api_version=SHOPIFY_API_VERSION, store_id=1, advertiser_id=10, job_id=5,
        )  # fmt: skip
        message = self.message(record_key(SHOP, record_id), body, record.envelope().to_headers(), topic=topic)
        await send_dead_letters(
            self.producer, consumer, [(message, Rejected(reason, "orders.currency", error=error))]
        )
        return message

    async def set_aside_mark(self, partition: int) -> Message:
        """Make the mark at the end of a part a dead letter."""
        now = datetime.now(UTC)
        mark = part_ended(
            resource=Resource.ORDERS, shop=SHOP, store_id=1, advertiser_id=10, job_id=5, epoch=1, partition=partition,
            now=now, source="sync-orchestrator",
        )  # fmt: skip
        message = self.message(None, b"", mark.envelope().to_headers(), partition=partition)
        await send_dead_letters(self.producer, RECORD_WRITER, [(message, Rejected("not a store", "storeid"))])
        return message

    def message(
        self, key: bytes | None, body: bytes, headers: Any, *, partition: int = 3, topic: str = TOPIC
    ) -> Message:
        self._offset += 1
        return Message(topic, partition, self._offset, key, body, headers, 1_790_000_000_000)

    async def read(self, topic: str) -> list[Message]:
        """Return what a topic holds."""
        async with Reader(self.bootstrap, "test", topic_prefix=self.prefix) as reader:
            return [message async for message in reader.read([topic])]

    async def expire(self, topic: str, *, before: int) -> None:
        """Remove the oldest records of a topic, as retention does."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            await admin.delete_records({TopicPartition(self.prefix + topic, 0): RecordsToDelete(before)})
        finally:
            await admin.close()

    async def replayed(self) -> list[Message]:
        """Return what lies in the topic that the records came from."""
        return await self.read(TOPIC)


def origins(messages: Sequence[Message]) -> list[str]:
    """Return where replayed records say that they were."""
    return sorted(dict(message.headers)[REPLAYED_FROM].decode() for message in messages)
