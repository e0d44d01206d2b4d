"""Watch advertisers while pages are open: one poll each, however many pages look on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from structlog import get_logger

from oauth_gateway.domain.page import Snapshot, Store
from oauth_gateway.domain.progress import AveragePace, Pace, WatchedPace
from oauth_gateway.errors import TooManyStreams
from oauth_gateway.handlers import stores
from oauth_gateway.handlers.context import Gateway
from oauth_gateway.metrics import LIVE_POLL_FAILURES
from oauth_gateway.store.page import Past, snapshot_of

log = get_logger()

POLL_SECONDS: Final = 0.5
STREAMS_MAX: Final = 2000
BACKOFF_SECONDS: Final = 5.0
STARTING_SECONDS_MAX: Final = 15.0  # a sync asked for and not there by then is no longer said to start
_PAST_REST: Final = 20.0  # reading the past may take a twentieth of the time, however much of it there is


@dataclass(frozen=True, slots=True)
class Wish:
    """A sync somebody asked for: it is starting until its job is there."""

    ends_at: float
    last_ended_job_id: int | None

    def is_starting(self, store: Store, at: float) -> bool:
        """Say whether nothing has come of it yet. A job so short that nobody saw it run has ended instead."""
        waits = store.job is None or store.retry is not None
        return waits and store.last_ended_job_id == self.last_ended_job_id and at < self.ends_at


@dataclass(slots=True)
class Channel:
    """What is known of one advertiser; `version` rises with every change."""

    advertiser_id: int
    pace: WatchedPace = field(default_factory=WatchedPace)
    snapshot: Snapshot | None = None
    past: Past | None = None
    read_past_at: float = 0.0
    under_way: frozenset[tuple[str, int]] = frozenset()
    version: int = 0
    watchers: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: "asyncio.Task[None] | None" = None

    async def next_version(self, seen: int, *, timeout_seconds: float) -> int:
        """Wait until there is something newer than `seen`, or the time is over; return the version."""
        if self.version == seen:
            changed = self.changed
            try:
                async with asyncio.timeout(timeout_seconds):
                    await changed.wait()
            except TimeoutError:
                pass
        return self.version

    def take(self, snapshot: Snapshot) -> None:
        """Keep a snapshot; wake the watchers when it differs from the last."""
        if snapshot == self.snapshot:
            return
        self.snapshot = snapshot
        self.version += 1
        self.wake()

    def wake(self) -> None:
        """Wake everybody who waits now."""
        self.changed.set()
        self.changed = asyncio.Event()


class Hub:
    """The channels of this process."""

    def __init__(self, gateway: Gateway, *, poll_seconds: float = POLL_SECONDS) -> None:
        self._gateway = gateway
        self._poll_seconds = poll_seconds
        self._channels: dict[int, Channel] = {}
        self._wishes: dict[int, Wish] = {}
        self.closing = asyncio.Event()

    @property
    def streams(self) -> int:
        """Return how many pages are watching."""
        return sum(channel.watchers for channel in self._channels.values())

    def pace(self, advertiser_id: int, now: datetime) -> Pace:
        """Return what an open page knows of the jobs' pace, so that another one goes on from there."""
        channel = self._channels.get(advertiser_id)
        return AveragePace(now) if channel is None else channel.pace

    def wish(self, store: Store) -> None:
        """Note that a sync was asked for, so that no page of this process says meanwhile that there is none."""
        now = self._gateway.clock.monotonic()
        self._wishes = {store_id: wish for store_id, wish in self._wishes.items() if now < wish.ends_at}
        self._wishes[store.id] = Wish(now + STARTING_SECONDS_MAX, store.last_ended_job_id)

    def starting(self, snapshot: Snapshot) -> frozenset[int]:
        """Return the stores to show as running until their job is there."""
        if not self._wishes:
            return frozenset()
        now = self._gateway.clock.monotonic()
        wishes = ((store, self._wishes.get(store.id)) for store in snapshot.stores)
        return frozenset(store.id for store, wish in wishes if wish and wish.is_starting(store, now))

    @asynccontextmanager
    async def watch(self, advertiser_id: int) -> AsyncIterator[Channel]:
        """Take part in an advertiser's channel; it is polled while anybody does."""
        if self.streams >= STREAMS_MAX or self.closing.is_set():
            raise TooManyStreams
        channel = self._channels.setdefault(advertiser_id, Channel(advertiser_id))
        channel.watchers += 1
        if channel.task is None:
            channel.task = asyncio.create_task(self._poll(channel), name=f"poll-{advertiser_id}")
        try:
            yield channel
        finally:
            channel.watchers -= 1
            if channel.watchers == 0:
                self._channels.pop(advertiser_id, None)
                channel.task.cancel()

    async def run(self, stop: asyncio.Event) -> None:
        """End every stream when the process stops, so that pages reconnect elsewhere at once."""
        await stop.wait()
        self.closing.set()
        self.wake()

    def wake(self) -> None:
        """Wake every stream of every channel."""
        for channel in self._channels.values():
            channel.wake()

    async def _poll(self, channel: Channel) -> None:
        while True:
            try:
                await self._look(channel)
            except (SQLAlchemyError, OSError) as error:
                LIVE_POLL_FAILURES.inc()
                log.warning("live_poll_failed", error=type(error).__name__)
                await asyncio.sleep(BACKOFF_SECONDS)
                continue
            await asyncio.sleep(self._poll_seconds)

    async def _look(self, channel: Channel) -> None:
        clock = self._gateway.clock
        present = await stores.present(self._gateway, channel.advertiser_id)
        due = clock.monotonic() >= channel.read_past_at
        if channel.past is None or due or present.under_way != channel.under_way:
            started = clock.monotonic()
            channel.past = await stores.past(self._gateway, channel.advertiser_id)
            channel.read_past_at = clock.monotonic() + _PAST_REST * (clock.monotonic() - started)
            channel.under_way = present.under_way
        channel.pace.watch(present.active, at=clock.monotonic(), now=clock.now())
        channel.take(snapshot_of(present, channel.past))
