"""The broker freezes, dies and stops, and so does ingest, in the middle of a rush: 200 means that it is there."""

import asyncio
import signal
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from local_stack.kafka import start_kafka
from local_stack.processes import Process
from local_stack.repository import LOCAL, scratch_folder
from shopify_simulator.webhooks.rush import delivery, rush
from sync_common.bus import ensure_topics
from sync_common.contracts.stack import SERVICES

from ..process import SECRET, IngestProcess, published, running_process, values_of

CONNECTIONS = 64
FORGED_EVERY = 10
TOPIC = "shopify.orders.live.v1"


class Broker:
    """A broker of this test's own, on one port for all its lives."""

    def __init__(self) -> None:
        self._scratch = scratch_folder("outage-kafka", in_memory=True)
        self._folder = self._scratch.__enter__()
        self.port = 0
        self.process = self._started()

    def start(self) -> None:
        """Start it again, on the records it had."""
        self.process = self._started()

    def end(self) -> None:
        """Stop it for good."""
        self.process.stop()
        self._scratch.__exit__(None, None, None)

    def _started(self) -> Process:
        kafka = start_kafka(
            self._folder / "kafka",
            cache=LOCAL / "cache",
            log_path=self._folder / "kafka.log",
            port=self.port,
        )
        self.port = kafka.port
        return kafka.process


@pytest.fixture
def broker() -> Iterator[Broker]:
    broker = Broker()
    asyncio.run(ensure_topics(f"127.0.0.1:{broker.port}", topics=SERVICES["webhook-ingest"].produces))
    yield broker
    broker.end()


@dataclass
class Rush:
    """Deliveries as they are sent and answered; it goes on while `wanted` grows or an outage lasts."""

    port: int
    wanted: int = 0
    sent: int = 0
    lasts: bool = False
    answers: dict[int, list[tuple[int, float]]] = field(default_factory=lambda: defaultdict(list))

    async def run(self, count: int) -> None:
        """Send so many more, and more for as long as an outage lasts."""
        self.wanted = self.sent + count
        await rush(
            "127.0.0.1", self.port, self._requests(), connections=CONNECTIONS, on_answer=self._note(self.sent)
        )

    @asynccontextmanager
    async def during(self, count: int) -> AsyncIterator[None]:
        """Send while the block runs, and so many besides."""
        self.lasts = True
        running = asyncio.create_task(self.run(count))
        try:
            yield
        finally:
            self.lasts = False
            await running

    async def until_answered(self, status: int) -> None:
        """Return when another delivery was answered so."""
        before = len(self.answers[status])
        async with asyncio.timeout(30):
            while len(self.answers[status]) == before:  # noqa: ASYNC110 - the answers are counted, not announced
                await asyncio.sleep(0.02)

    def _requests(self) -> Iterator[bytes]:
        while self.lasts or self.sent < self.wanted:
            number = self.sent
            self.sent += 1
            secret = "forged" if number % FORGED_EVERY == 0 else SECRET
            yield delivery(
                b'{"id": %d}' % (number + 1),
                secret=secret,
                topic="orders/updated",
                shop="acme.myshopify.com",
                webhook_id=f"w-{number}",
            )

    def _note(self, first: int) -> Callable[[int, int, float], None]:
        return lambda number, status, seconds: self.answers[status].append((first + number, seconds))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("count", [2_000, pytest.param(20_000, marks=pytest.mark.soak)])
async def test_every_delivery_that_was_acknowledged_is_there(broker: Broker, count: int) -> None:
    with running_process(f"127.0.0.1:{broker.port}") as ingest:
        sending = Rush(ingest.http_port)
        for outage in (_frozen_broker, _killed_broker, _stopped_broker, _killed_ingest, _stopped_ingest):
            await sending.run(count // 10)
            async with sending.during(count // 10):
                await outage(sending, broker, ingest)
        async with asyncio.timeout(30):
            while not await _all_taken(sending):
                pass

    assert sending.sent >= count
    assert set(sending.answers) == {0, 200, 401, 503}
    acknowledged = {f"w-{number}" for number, _ in sending.answers[200]}
    there = set(values_of(await published(f"127.0.0.1:{broker.port}", TOPIC), "ce_webhookid"))
    assert acknowledged <= there
    forged = {f"w-{number}" for number in range(0, sending.sent, FORGED_EVERY)}
    assert not forged & (acknowledged | there)
    slowest = max(seconds for status in (200, 401, 503) for _, seconds in sending.answers[status])
    assert slowest < 4.5


async def _frozen_broker(sending: Rush, broker: Broker, ingest: IngestProcess) -> None:
    await sending.until_answered(200)
    broker.process.kill(signal.SIGSTOP)
    await sending.until_answered(503)
    broker.process.kill(signal.SIGCONT)
    await sending.until_answered(200)


async def _killed_broker(sending: Rush, broker: Broker, ingest: IngestProcess) -> None:
    await sending.until_answered(200)
    _kill(broker.process)
    await sending.until_answered(503)
    await asyncio.to_thread(broker.start)
    await sending.until_answered(200)


async def _stopped_broker(sending: Rush, broker: Broker, ingest: IngestProcess) -> None:
    await sending.until_answered(200)
    await asyncio.to_thread(broker.process.stop)
    await sending.until_answered(503)
    await asyncio.to_thread(broker.start)
    await sending.until_answered(200)


async def _killed_ingest(sending: Rush, broker: Broker, ingest: IngestProcess) -> None:
    await sending.until_answered(200)
    _kill(ingest.process)
    await sending.until_answered(0)
    await asyncio.to_thread(ingest.start)
    await sending.until_answered(200)


async def _stopped_ingest(sending: Rush, broker: Broker, ingest: IngestProcess) -> None:
    await sending.until_answered(200)
    await asyncio.to_thread(ingest.process.stop)
    await asyncio.to_thread(ingest.start)
    await sending.until_answered(200)


def _kill(process: Process) -> None:
    process.kill()
    process.popen.wait(10)


async def _all_taken(sending: Rush) -> bool:
    """Say whether everything genuine of a small rush was taken."""
    refused = len(sending.answers[503])
    await sending.run(CONNECTIONS)
    return len(sending.answers[503]) == refused
