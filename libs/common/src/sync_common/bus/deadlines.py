"""Deadlines for many futures: a timer for each would cost more than the future."""

import asyncio
from math import ceil
from typing import Any, Final

_TICK_SECONDS: Final = 0.02


class Deadlines:
    """Fails with TimeoutError what is not done at its deadline, up to 20 ms after it."""

    def __init__(self) -> None:
        self._due: dict[int, list[asyncio.Future[Any]]] = {}

    def watch(self, future: asyncio.Future[Any], deadline: float) -> None:
        """Fail `future` at that time of its event loop."""
        tick = ceil(deadline / _TICK_SECONDS)
        due = self._due.get(tick)
        if due is None:
            due = self._due[tick] = []
            future.get_loop().call_at(tick * _TICK_SECONDS, self._expire, tick)
        due.append(future)

    def _expire(self, tick: int) -> None:
        for future in self._due.pop(tick):
            if not future.done():
                future.set_exception(TimeoutError())
