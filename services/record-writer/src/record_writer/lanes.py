"""Which lane goes first where both share a process: a webhook never waits for a whole batch of a sync."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Final

PATIENCE_SECONDS: Final = 0.25  # a storm of webhooks slows a sync down, and never stops it


class Lanes:
    """Counts the live batches in hand; a batch of a sync gives way to them between two of its chunks.

    Python's work for a thousand records takes as long as a webhook's whole transaction, and both have one event loop.
    """

    def __init__(self) -> None:
        self._live_batches = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

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
