"""How the runner's loops survive outages."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from sync_common.bus import BusError
from sync_common.bus.waiting import pause
from sync_common.db import is_transient

log = structlog.get_logger()


async def patiently(task: str, step: Callable[[], Awaitable[None]]) -> None:
    """Take one step; an outage is logged and waited out, a bug ends the process."""
    try:
        await step()
    except Exception as error:
        if not is_transient(error) and not isinstance(error, BusError):
            raise
        log.warning("waiting out an outage", task=task, exc_info=error)


async def repeatedly(
    stop: asyncio.Event, task: str, step: Callable[[], Awaitable[None]], *, pause_seconds: float
) -> None:
    """Take one step after the other until stopped, with a pause between them."""
    while not stop.is_set():
        await patiently(task, step)
        await pause(stop, pause_seconds)
