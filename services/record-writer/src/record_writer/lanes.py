"""How the lanes share a process: few batches of syncs at once, and webhooks first."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from typing import Final

from sync_common.bus import BatchHandler, Message, Outcome

SYNC_BATCHES_MAX: Final = 2  # one in PostgreSQL, one in Python: more would only hold more memory
PATIENCE_SECONDS: Final = 0.25  # a storm of webhooks slows a sync down, and never stops it


class Lanes:
    """Counts the live batches in hand; a batch of a sync gives way to them between two of its chunks.

    Python's work for a thousand records takes as long as a webhook's whole transaction, and both have one event loop.
    """

    def __init__(self) -> None:
        self._live_batches = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._places = asyncio.Semaphore(SYNC_BATCHES_MAX)

    def few_at_once(self, handler: BatchHandler) -> BatchHandler:
        """Let a batch of a sync wait for its place before it opens a transaction."""

        async def handle(batch: Sequence[Message]) -> Sequence[Outcome]:
            async with self._places:
                return await handler(batch)

        return handle

    @contextlib.contextmanager
    def live(self) -> Iterator[None]:
        """Go first until the end of the block."""
        self._live_batches += 1
        self._quiet.clear()
        try:
            yield
        finally:
            self._live_batches -= 1
            if not self._live_batches:
                self._quiet.set()

    async def give_way(self) -> None:
        """Let everybody else have a turn, and wait while live batches are in hand."""
        await asyncio.sleep(0)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._quiet.wait()
