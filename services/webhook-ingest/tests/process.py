"""The deployed process, and what reached Kafka through it."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from local_stack.processes import free_ports, start, wait_until
from local_stack.repository import scratch_folder

SECRET = "hush"


@dataclass
class IngestProcess:
    """A process of the service, which can be killed and started again on its ports."""

    bootstrap: str
    log_path: Path
    settings: dict[str, str] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=lambda: free_ports({"http": 0, "ops": 0}))

    @property
    def http_port(self) -> int:
        """Return where deliveries arrive."""
        return self.ports["http"]

    @property
    def resident_bytes(self) -> int:
        """Return the memory that the process holds."""
        size: int = psutil.Process(self.process.pid).memory_info().rss
        return size

    def start(self, *, until: int = 200) -> None:
        """Start the process and wait until its readiness answers as `until` says."""
        told = {
            "INGEST_ENVIRONMENT": "development",
            "INGEST_KAFKA_BOOTSTRAP": self.bootstrap,
            "INGEST_HTTP_PORT": str(self.ports["http"]),
            "INGEST_OPS_PORT": str(self.ports["ops"]),
            "INGEST_CLIENT_SECRETS": SECRET,
            **self.settings,
        }
        command = [sys.executable, "-m", "webhook_ingest"]
        self.process = start("webhook-ingest", command, log_path=self.log_path, env=told)
        wait_until(lambda: self.readiness() == until, self.process, timeout_seconds=30)

    def readiness(self) -> int:
        """Return what /readyz answers; 0 where nothing does."""
        try:
            return httpx.get(f"http://127.0.0.1:{self.ports['ops']}/readyz").status_code
        except httpx.TransportError:
            return 0

    def stop(self) -> str:
        """End the process as a deployment does; return its log."""
        self.process.stop()
        return self.log_path.read_text()

    async def counted(self, outcome: str) -> float:
        """Return how many deliveries ended so."""
        async with httpx.AsyncClient() as client:
            text = (await client.get(f"http://127.0.0.1:{self.ports['ops']}/metrics")).text
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "ingest_deliveries_total" and sample.labels["outcome"] == outcome
        )

    async def raw(self, request: bytes, *, end: bool = False) -> bytes:
        """Send bytes as they are; return the first line of the answer."""
        return (await self.whole(request, end=end)).split(b"\r\n", 1)[0]

    async def whole(self, request: bytes, *, end: bool = False) -> bytes:
        """Send bytes as they are; return all that comes back until the connection ends or an answer is complete."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.http_port)
        try:
            writer.write(request)
            if end:
                writer.write_eof()
            async with asyncio.timeout(10):
                return await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as ended:
            return ended.partial
        finally:
            writer.close()


@contextmanager
def running_process(bootstrap: str, *, until: int = 200, **settings: str) -> Iterator[IngestProcess]:
    """Run the service with these settings (INGEST_…) until its readiness answers as `until` says."""
    with scratch_folder("ingest", in_memory=True) as folder:
        ingest = IngestProcess(bootstrap, folder / "ingest.log", settings)
        ingest.start(until=until)
        try:
            yield ingest
        finally:
            ingest.process.stop()


async def published(bootstrap: str, topic: str) -> list[ConsumerRecord]:
    """Return everything on a topic, up to what is there now."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        known = await consumer._client.fetch_all_metadata()
        partitions = [TopicPartition(topic, number) for number in known.partitions_for_topic(topic) or set()]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        records: list[ConsumerRecord] = []
        async with asyncio.timeout(60):
            while any([await consumer.position(part) < ends[part] for part in partitions]):
                for some in (await consumer.getmany(timeout_ms=200)).values():
                    records += some
        return records
    finally:
        await consumer.stop()


def values_of(records: list[ConsumerRecord], header: str) -> Iterator[str]:
    """Return the values of a header over all records that have it."""
    for record in records:
        for name, value in record.headers:
            if name == header:
                yield value.decode()
