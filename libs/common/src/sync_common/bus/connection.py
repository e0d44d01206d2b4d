"""The producer's one aiokafka client: made on demand, replaced when it can no longer deliver."""

import asyncio
from typing import Final

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from sync_common.bus.accumulator import Accumulator
from sync_common.bus.topics import DEAD_LETTER_HEADROOM_BYTES
from sync_common.contracts.topics import MAX_MESSAGE_BYTES

_BATCH_BYTES_MAX: Final = 256 * 1024  # measured: the default of 16 KiB triples the cost of a record
_RECONNECT_SECONDS_MIN: Final = 0.1
_RECONNECT_SECONDS_MAX: Final = 2.0

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
        self._connecting: asyncio.Task[Accumulator] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self.current: Accumulator | None = None

    async def accumulator(self) -> Accumulator:
        """Return what takes records, connecting for as long as it takes; callers bring their deadline."""
        if self.current is not None:
            return self.current
        if self._connecting is None or self._connecting.done():
            self._connecting = asyncio.create_task(self._connect())
        return await asyncio.shield(self._connecting)

    def note_silence(self, *, since: float) -> None:
        """A deadline passed: give the client up unless it was heard `since` that time of the event loop."""
        if self.current is not None and self.current.heard_at < since:
            self.replace(self.current)

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

    def replace(self, accumulator: Accumulator) -> None:
        """Let the next caller get a new client; the old one is closed in the background."""
        if self.current is accumulator:  # one that was replaced has its losses still to tell
            log.warning("kafka_producer_replaced", kind="producer")
            self._retire(accumulator, patience_seconds=self._request_timeout_seconds)
            self.current = None

    def _retire(self, accumulator: Accumulator, *, patience_seconds: float) -> None:
        task = asyncio.create_task(accumulator.close(patience_seconds=patience_seconds))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _connect(self) -> Accumulator:
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
            )
            try:
                await client.start()
            except KafkaError:
                await client.stop()
            except BaseException:
                await client.stop()
                raise
            else:
                self.current = Accumulator(client, on_loss=self.replace)
                return self.current
            await asyncio.sleep(delay)
            delay = min(delay * 2, _RECONNECT_SECONDS_MAX)
