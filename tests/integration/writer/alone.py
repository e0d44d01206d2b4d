"""One record-writer process on a Kafka and a database of its own."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from psycopg.rows import dict_row

from local_stack import environment
from local_stack.environment import Addresses, Secrets
from local_stack.processes import Process, free_port, start, stopped_on_error, wait_until
from local_stack.testing import StackDatabase
from sync_common.bus import ensure_topics
from sync_common.contracts.resources import Resource
from sync_common.contracts.stack import SERVICES
from sync_common.contracts.topics import RECORD_WRITER, dead_letter_topic, live_topic, sync_topic

from ..alone import answers

READY_SECONDS = 60
TOPIC_OF = {"live": live_topic, "sync": sync_topic}
GROUPS = {
    f"{RECORD_WRITER}.{resource}.{lane}": topic(resource)
    for resource in Resource
    for lane, topic in TOPIC_OF.items()
}
"""Each of the writer's groups and the one topic it reads."""

STORE = """
INSERT INTO gateway.advertisers (id, slug, name) OVERRIDING SYSTEM VALUE VALUES (10, 'a', 'A');
INSERT INTO gateway.shopify_stores (id, advertiser_id, shop_domain, name) OVERRIDING SYSTEM VALUE
    VALUES (1, 10, '{shop}', 'S');
INSERT INTO fetcher.installations (id, shop_domain, api_version, webhooks_installed) OVERRIDING SYSTEM VALUE
    VALUES (1, '{shop}', '2026-10', true);
INSERT INTO fetcher.connections (advertiser_id, store_id, installation_id, status, connected_at)
    VALUES (10, 1, 1, 'connected', '2026-01-01Z');
"""
SHOP, ADVERTISER_ID, STORE_ID = "load.myshopify.com", 10, 1

UNLINKED = """
SELECT FROM records.orders AS o JOIN records.contacts AS c
    ON c.advertiser_id = o.advertiser_id AND c.source_id = o.source_id AND c.external_id = o.customer_external_id
WHERE o.contact_id IS DISTINCT FROM c.id LIMIT 1
"""
WHOLE = (
    "SELECT external_id AS key, md5(mirrored::text || xmin::text) AS content FROM records.{table} AS mirrored"
)
KEPT = "SELECT kept::text AS key, '' AS content FROM records.{table} AS kept"
CONTENTS = dict.fromkeys(("contacts", "orders", "products"), WHOLE) | dict.fromkeys(
    ("tombstones", "redactions", "job_ledger", "job_tallies", "job_marks", "deliveries"), KEPT
)
"""Everything that a redelivery must leave as it is: of the mirror even the transaction that wrote each row."""


@dataclass
class WriterAlone:
    """Starts and stops the process, and looks at what it made of the topics."""

    folder: Path
    bootstrap: str
    database: StackDatabase
    memory_bytes_max: int = 0
    _process: Process | None = None
    _secrets: Secrets = field(default_factory=Secrets.new)

    async def prepare(self) -> None:
        """Make the topics and the store."""
        await ensure_topics(self.bootstrap)
        with psycopg.connect(self.database.url(), autocommit=True) as admin:
            admin.execute(STORE.format(shop=SHOP).encode())

    def start(self) -> None:
        """Start the process and return once it is ready."""
        port = free_port()
        addresses = Addresses(self.bootstrap, self.database.url, {}, {RECORD_WRITER: port})
        service = SERVICES[RECORD_WRITER]
        self._process = start(
            RECORD_WRITER,
            [sys.executable, "-m", service.package],
            log_path=self.folder / "logs" / "record-writer.log",
            env=environment.of_service(service, addresses, self._secrets),
        )
        with stopped_on_error(self._process):
            wait_until(
                lambda: answers(f"http://127.0.0.1:{port}/readyz"),
                self._process,
                timeout_seconds=READY_SECONDS,
            )

    def stop(self) -> None:
        """Stop it as a deployment does."""
        if self._process is not None:
            self._process.stop()

    async def read_all(self, *, within_seconds: float) -> None:
        """Return once every group has committed the end of its topic and no order waits for its contact."""
        async with asyncio.timeout(within_seconds), self._clients() as clients:
            while await _lag(*clients) or self.rows(UNLINKED):
                self._look_at_memory()
                await asyncio.sleep(0.1)

    def _look_at_memory(self) -> None:
        assert self._process is not None
        assert self._process.running, self._process.log_tail()
        memory = psutil.Process(self._process.pid).memory_info().rss
        self.memory_bytes_max = max(self.memory_bytes_max, memory)

    @asynccontextmanager
    async def _clients(self) -> AsyncIterator[tuple[AIOKafkaAdminClient, AIOKafkaConsumer]]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap)
        await admin.start()
        await consumer.start()
        try:
            yield admin, consumer
        finally:
            await consumer.stop()
            await admin.close()

    async def lag(self) -> int:
        """Return how many messages the groups have not committed yet."""
        async with self._clients() as clients:
            return await _lag(*clients)

    async def read_from_the_beginning(self) -> None:
        """Set every group back to offset 0, while nobody is in it."""
        async with self._clients() as (admin, _):
            for group, topic in GROUPS.items():
                consumer = AIOKafkaConsumer(
                    bootstrap_servers=self.bootstrap, group_id=group, enable_auto_commit=False
                )
                await consumer.start()
                partitions = await _partitions(admin, topic)
                consumer.assign(partitions)
                await consumer.commit(dict.fromkeys(partitions, 0))
                await consumer.stop()

    async def dead_letters(self) -> list[ConsumerRecord]:
        """Return all dead letters, topic by topic in the order in which they were set aside."""
        partitions = [TopicPartition(dead_letter_topic(topic, RECORD_WRITER), 0) for topic in GROUPS.values()]
        found: list[ConsumerRecord] = []
        async with self._clients() as (_, consumer):
            consumer.assign(partitions)
            await consumer.seek_to_beginning(*partitions)
            for tp, end in (await consumer.end_offsets(partitions)).items():
                while await consumer.position(tp) < end:
                    found += (await consumer.getmany(tp, timeout_ms=1000)).get(tp, [])
        return found

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Return the rows of a query as the superuser sees them."""
        with psycopg.connect(self.database.url(), row_factory=dict_row) as connection:
            return connection.execute(query.encode()).fetchall()

    def ids(self, table: str) -> set[int]:
        """Return the numbers of the records that were mirrored."""
        return {int(row["external_id"]) for row in self.rows(f"SELECT external_id FROM records.{table}")}

    def contents(self) -> dict[str, dict[str, str]]:
        """Return all that a redelivery must leave as it is."""
        return {
            table: {row["key"]: row["content"] for row in self.rows(query.format(table=table))}
            for table, query in CONTENTS.items()
        }


async def _lag(admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer) -> int:
    lag = 0
    for group, topic in GROUPS.items():
        committed = await admin.list_consumer_group_offsets(group)
        ends = await consumer.end_offsets(await _partitions(admin, topic))
        lag += sum(end - max(committed[tp].offset, 0) if tp in committed else end for tp, end in ends.items())
    return lag


async def _partitions(admin: AIOKafkaAdminClient, topic: str) -> Iterable[TopicPartition]:
    (described,) = await admin.describe_topics([topic])
    return [TopicPartition(topic, one["partition"]) for one in described["partitions"]]
