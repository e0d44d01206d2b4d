"""The producer's one aiokafka client: made on demand, replaced when it can no longer deliver."""

import asyncio
import contextlib
import time
from typing import Final

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from sync_common.bus.partitioner import KeyPartitioner
from sync_common.bus.topics import DEAD_LETTER_HEADROOM_BYTES
from sync_common.contracts.topics import MAX_MESSAGE_BYTES

_BATCH_BYTES_MAX: Final = 256 * 1024  # measured: the default of 16 KiB triples the cost of a record
_RECONNECT_SECONDS_MIN: Final = 0.1
_RECONNECT_SECONDS_MAX: Final = 2.0
_IN_FLIGHT_SECONDS: Final = 0.5

log = structlog.get_logger()


class Connection:
    """Keep one live aiokafka producer.

    An idempotent aiokafka producer retries for ever and, once a batch is lost, leaves a gap in the sequence
    numbers that makes every later batch of that partition fail. So a client that lost a batch, or that heard
    nothing at all for a whole deadline, is replaced; what it still holds gets a chance to arrive.
    """

    def __init__(self, bootstrap: str, client_id: str, *, request_timeout_seconds: float) -> None:
        self._bootstrap = bootstrap
        self._client_id = client_id
        self._request_timeout_seconds = request_timeout_seconds
        self._connecting: asyncio.Task[AIOKafkaProducer] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._last_acknowledgement = 0.0
        self._healthy = False
        self.current: AIOKafkaProducer | None = None

    async def client(self) -> AIOKafkaProducer:
        """Return the client, connecting for as long as it takes; callers bring their deadline."""
        if self.current is not None:
            return self.current
        if self._connecting is None or self._connecting.done():
            self._connecting = asyncio.create_task(self._connect())
        return await asyncio.shield(self._connecting)

    def is_healthy(self) -> bool:
        """Say whether there is a client and its last delivery did not fail."""
        return self.current is not None and self._healthy

    def note_acknowledgement(self) -> None:
        """Remember that the broker answers."""
        self._last_acknowledgement = time.monotonic()
        self._healthy = True

    def note_silence(self, *, since: float) -> None:
        """A deadline passed: give the client up unless others were served meanwhile."""
        if self._last_acknowledgement < since:
            self.replace()

    def replace(self) -> None:
        """Let the next caller get a new client; the old one is closed in the background."""
        self._healthy = False
        if self.current is not None:
            log.warning("kafka_producer_replaced", kind="producer")
            self._retire(self.current, patience_seconds=self._request_timeout_seconds)
            self.current = None

    async def close(self, *, patience_seconds: float) -> None:
        """Flush and disconnect."""
        if self._connecting is not None and not self._connecting.done():
            self._connecting.cancel()
            await asyncio.wait({self._connecting})
        if self.current is not None:
            self._retire(self.current, patience_seconds=patience_seconds)
            self.current = None
        if self._closing:
            await asyncio.wait(self._closing)

    def _retire(self, client: AIOKafkaProducer, *, patience_seconds: float) -> None:
        task = asyncio.create_task(_close(client, patience_seconds))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _connect(self) -> AIOKafkaProducer:
        delay = _RECONNECT_SECONDS_MIN
        while True:
            client = AIOKafkaProducer(
                bootstrap_servers=self._bootstrap,
                client_id=self._client_id,
                acks="all",
                enable_idempotence=True,
                max_batch_size=_BATCH_BYTES_MAX,
                max_request_size=MAX_MESSAGE_BYTES + DEAD_LETTER_HEADROOM_BYTES,
                request_timeout_ms=int(self._request_timeout_seconds * 1000),
                metadata_max_age_ms=60_000,
                partitioner=KeyPartitioner(),
            )
            try:
                await client.start()
            except KafkaError:
                await client.stop()
            except BaseException:
                await client.stop()
                raise
            else:
                self.current, self._healthy = client, True
                return client
            await asyncio.sleep(delay)
            delay = min(delay * 2, _RECONNECT_SECONDS_MAX)


async def _close(client: AIOKafkaProducer, patience_seconds: float) -> None:
    stopping = asyncio.create_task(client.stop())
    done, _ = await asyncio.wait({stopping}, timeout=patience_seconds)
    if not done:  # stop() waits for every record it holds, and has no deadline of its own
        sender = client._sender.sender_task
        for _ in range(2):  # the first cancellation lets requests in flight end, the second does not
            sender.cancel()
            await asyncio.wait({sender}, timeout=_IN_FLIGHT_SECONDS)
        client._message_accumulator.fail_all(KafkaError("the client was given up"))
    with contextlib.suppress(KafkaError):
        await stopping
