"""What every part of the runner works with."""

from dataclasses import dataclass, field

from sync_common.bus import Producer
from sync_common.db import Database
from sync_common.runtime import Clock
from sync_orchestrator.clients.fetcher import Fetcher
from sync_orchestrator.runner.limits import Limits


@dataclass(frozen=True, slots=True)
class Tools:
    """The outside world, and who we are in it."""

    database: Database
    producer: Producer
    fetcher: Fetcher
    clock: Clock
    owner: str
    limits: Limits = field(default_factory=Limits)
