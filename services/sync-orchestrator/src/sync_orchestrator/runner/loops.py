"""How the runner's loops survive outages."""

from collections.abc import Awaitable, Callable

import structlog

from sync_common.bus import BusError
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
