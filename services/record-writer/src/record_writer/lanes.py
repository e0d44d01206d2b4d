"""How the lanes share a process: webhooks first, and few batches of syncs at once."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final

from sync_common.bus import BatchHandler, Message, Outcome

PATIENCE_SECONDS: Final = 0.25  # a storm of webhooks slows a sync down, and never stops it


class Lanes:
    """Counts the live batches in hand; a batch of a sync gives way to them between two of its chunks.

    Python's work for a thousand records takes as long as a webhook's whole transaction, and both have one event loop.
    `sync_batches_max` bounds the batches of syncs in hand, and with them the memory that they hold.
    """

    def __init__(self, sync_batches_max: int) -> None:
        self._live_batches = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._places = asyncio.Semaphore(sync_batches_max)

    def first(self, handler: BatchHandler) -> BatchHandler:
        """Let a live batch go first until it is committed."""

        async def handle(batch: Sequence[Message]) -> Sequence[Outcome]:
            self._live_batches += 1
            self._quiet.clear()
            try:
                return await handler(batch)
            finally:
                self._live_batches -= 1
                if not self._live_batches:
                    self._quiet.set()

        return handle

    def in_its_place(self, handler: BatchHandler) -> BatchHandler:
        """Let a batch of a sync wait for its place before it opens a transaction."""

        async def handle(batch: Sequence[Message]) -> Sequence[Outcome]:
            async with self._places:
                await self.give_way()
                return await handler(batch)

        return handle

    async def give_way(self) -> None:
        """Let everybody else have a turn, and wait while live batches are in hand."""
        await asyncio.sleep(0)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._quiet.wait()
