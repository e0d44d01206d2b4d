"""Sends webhooks as Shopify does: signed, at least once, in no order, with retries ("webhooks: subscribe over HTTPS").

A test can hold a shop's deliveries back and release them shuffled, duplicated or with some lost.
"""

import asyncio
import random
import ssl
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import httpx
import msgspec
import structlog

from shopify_simulator.shop.model import API_VERSION, AppInstallation, Record
from shopify_simulator.signatures import body_signature
from shopify_simulator.webhooks.topics import enum_of

RETRIES = 8
RETRY_SECONDS_IN_ALL = 4 * 3600
FIRST_RETRY_SECONDS = RETRY_SECONDS_IN_ALL / (2**RETRIES - 1)
CONNECT_SECONDS = 1.0
LOG_SIZE = 50_000
COMPLIANCE = "app-configuration"

log = structlog.get_logger()


class DeliveryState(StrEnum):
    """Where a delivery stands. Only `pending` ones keep a shop unsettled."""

    SCHEDULED = "scheduled"
    HELD = "held"
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a topic goes: a subscription, or the app's configuration."""

    subscription_id: str
    uri: str
    name: str | None = None
    include_fields: tuple[str, ...] = ()
    filter: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One act of a merchant, which all its deliveries share."""

    id: str
    triggered_at: str


@dataclass(slots=True)
class Delivery:
    """One payload on its way to one address. The body is let go when the delivery has ended."""

    shop: str
    topic: str
    target: Target
    event: Event
    webhook_id: str
    body: bytes
    state: DeliveryState = DeliveryState.PENDING
    is_duplicate: bool = False
    attempts: list[dict[str, Any]] = field(default_factory=list)
    first_attempt: float = 0.0

    def described(self) -> dict[str, Any]:
        """The delivery as the administrator sees it."""
        return {
            "webhookId": self.webhook_id,
            "eventId": self.event.id,
            "topic": self.topic,
            "uri": self.target.uri,
            "subscriptionId": self.target.subscription_id,
            "triggeredAt": self.event.triggered_at,
            "state": self.state,
            "duplicate": self.is_duplicate,
            "attempts": self.attempts,
        }


@dataclass(slots=True)
class ShopQueue:
    """One shop's deliveries: the log, what is held back and how many are under way."""

    log: deque[Delivery] = field(default_factory=lambda: deque(maxlen=LOG_SIZE))
    on_hold: bool = False
    held: list[Delivery] = field(default_factory=list)
    pending: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)

    def count(self, change: int) -> None:
        """Note that so many more, or fewer, are under way."""
        self.pending += change
        if self.pending == 0:
            self.idle.set()
        else:
            self.idle.clear()


class Deliveries:
    """All deliveries of all shops, sent by a bounded number of workers."""

    def __init__(
        self,
        *,
        secret: str,
        now: Callable[[], datetime],
        retry_scale: float,
        timeout_seconds: float,
        workers: int,
        on_exhausted: Callable[[str, str], None],
    ) -> None:
        self._secret = secret
        self._now = now
        self._retry_scale = retry_scale
        self._timeout_seconds = timeout_seconds
        self._worker_count = workers
        self._on_exhausted = on_exhausted
        self._queues: dict[str, ShopQueue] = {}
        self._ready: asyncio.Queue[list[Delivery]] = asyncio.Queue()
        self._succeeded: dict[tuple[str, str], float] = {}
        self._workers: list[asyncio.Task[None]] = []
        self._timers: set[asyncio.TimerHandle] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tls = ssl.create_default_context()

    async def start(self) -> None:
        """Begin to send."""
        self._loop = asyncio.get_running_loop()
        self._workers = [asyncio.create_task(self._work()) for _ in range(self._worker_count)]

    async def stop(self) -> None:
        """Stop at once; what was not sent is lost."""
        for timer in self._timers:
            timer.cancel()
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)

    def call_soon_threadsafe(self, function: Callable[..., None], *arguments: Any) -> None:
        """Run a function in the server's loop, from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *arguments)

    def queue(self, shop: str) -> ShopQueue:
        """The deliveries of one shop."""
        return self._queues.setdefault(shop, ShopQueue())

    def new_event(self) -> Event:
        """Name an act of a merchant, with a time of nine fractional digits as Shopify gives it."""
        moment = self._now().astimezone(UTC)
        nanoseconds = moment.microsecond * 1000 + time.time_ns() % 1000
        return Event(str(uuid.uuid4()), f"{moment:%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z")

    def targets(self, installation: AppInstallation | None, topic: str) -> list[Target]:
        """The subscriptions of a topic."""
        if installation is None:
            return []
        wanted = enum_of(topic)
        return [
            Target(
                key,
                entry["uri"],
                entry.get("name"),
                tuple(entry.get("includeFields") or ()),
                entry.get("filter"),
            )
            for key, entry in installation.subscriptions.items()
            if entry["topic"] == wanted and str(entry["uri"]).startswith(("http://", "https://"))
        ]

    def send(
        self,
        shop: str,
        topic: str,
        payload: Record,
        target: Target,
        event: Event,
        *,
        after: timedelta = timedelta(0),
    ) -> None:
        """Send a payload, now or some (scaled) time later; a held shop only keeps it."""
        if target.include_fields:
            payload = {key: value for key, value in payload.items() if key in target.include_fields}
        delivery = Delivery(shop, topic, target, event, str(uuid.uuid4()), msgspec.json.encode(payload))
        self.queue(shop).log.append(delivery)
        if after:
            delivery.state = DeliveryState.SCHEDULED
            self._later(after.total_seconds(), lambda: self._fall_due(delivery))
        else:
            self._admit(delivery)

    def hold(self, shop: str) -> None:
        """Keep what comes from now on."""
        self.queue(shop).on_hold = True

    def release(
        self,
        shop: str,
        *,
        rng: random.Random,
        shuffle: bool = False,
        duplicate: float = 0.0,
        drop: float = 0.0,
        in_sequence: bool = False,
        keep_holding: bool = False,
    ) -> dict[str, int]:
        """Send what was held: a share of it twice, a share never, in another order; `in_sequence` one by one."""
        queue = self.queue(shop)
        queue.on_hold = keep_holding
        held, queue.held = queue.held, []
        dropped = [delivery for delivery in held if rng.random() < drop]
        lost = {id(delivery) for delivery in dropped}
        kept = [delivery for delivery in held if id(delivery) not in lost]
        copies = [replace(one, is_duplicate=True, attempts=[]) for one in kept if rng.random() < duplicate]
        queue.log.extend(copies)
        for delivery in dropped:
            self._end(delivery, DeliveryState.DROPPED)
        batch = kept + copies
        if shuffle:
            rng.shuffle(batch)
        self._enqueue(queue, batch, in_sequence=in_sequence)
        return {"released": len(kept), "duplicated": len(copies), "dropped": len(dropped)}

    async def settle(self, shop: str, deadline_seconds: float) -> bool:
        """Wait until nothing of the shop is under way; False when the deadline came first."""
        queue = self.queue(shop)
        try:
            async with asyncio.timeout(deadline_seconds):
                while queue.pending:
                    await queue.idle.wait()
        except TimeoutError:
            return False
        return True

    def forget(self, shop: str) -> None:
        """Drop all that is known of a shop's deliveries."""
        queue = self._queues.pop(shop, ShopQueue())
        for delivery in queue.log:
            delivery.state = DeliveryState.DROPPED
        self._succeeded = {key: at for key, at in self._succeeded.items() if key[0] != shop}

    def _fall_due(self, delivery: Delivery) -> None:
        """Admit what was put off: only now does it happen."""
        delivery.event = self.new_event()
        self._admit(delivery)

    def _admit(self, delivery: Delivery) -> None:
        queue = self.queue(delivery.shop)
        if delivery.state is DeliveryState.DROPPED:
            return
        if queue.on_hold:
            delivery.state = DeliveryState.HELD
            queue.held.append(delivery)
        else:
            self._enqueue(queue, [delivery])

    def _enqueue(self, queue: ShopQueue, batch: list[Delivery], *, in_sequence: bool = False) -> None:
        for delivery in batch:
            delivery.state = DeliveryState.PENDING
        queue.count(len(batch))
        for part in [batch] if in_sequence else [[delivery] for delivery in batch]:
            self._ready.put_nowait(part)

    async def _work(self) -> None:
        # A client each: one pool for all workers costs three times the processor time.
        async with self._new_client() as client:
            while True:
                for delivery in await self._ready.get():
                    if delivery.state is DeliveryState.PENDING:
                        await self._attempt(client, delivery)

    def _new_client(self) -> httpx.AsyncClient:
        timeout = httpx.Timeout(self._timeout_seconds, connect=CONNECT_SECONDS)
        return httpx.AsyncClient(timeout=timeout, verify=self._tls, follow_redirects=False, trust_env=False)

    async def _attempt(self, client: httpx.AsyncClient, delivery: Delivery) -> None:
        started = time.monotonic()
        delivery.first_attempt = delivery.first_attempt or started
        status, error = await self._post(client, delivery)
        milliseconds = round((time.monotonic() - started) * 1000, 1)
        attempt = {
            "time": self._now().isoformat(),
            "status": status,
            "error": error,
            "durationMs": milliseconds,
        }
        delivery.attempts.append(attempt)
        if delivery.state is not DeliveryState.PENDING:
            return
        if status is not None and 200 <= status < 300:
            self._succeeded[delivery.shop, delivery.target.subscription_id] = time.monotonic()
            self._finish(delivery, DeliveryState.DELIVERED)
        elif len(delivery.attempts) <= RETRIES:
            delay = FIRST_RETRY_SECONDS * 2 ** (len(delivery.attempts) - 1)
            self._later(delay, lambda: self._ready.put_nowait([delivery]))
        else:
            self._give_up(delivery)

    async def _post(self, client: httpx.AsyncClient, delivery: Delivery) -> tuple[int | None, str | None]:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                answer = await client.post(
                    delivery.target.uri, content=delivery.body, headers=self.headers(delivery)
                )
        except (httpx.HTTPError, TimeoutError) as error:
            return None, type(error).__name__
        except Exception as error:
            # Whatever an address does to the client, the worker has others to serve.
            log.exception("delivery_failed", uri=delivery.target.uri)
            return None, type(error).__name__
        return answer.status_code, None

    def headers(self, delivery: Delivery) -> Mapping[str, str]:
        """The headers of a delivery ("delivery structure")."""
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Shopify-Captain-Hook",
            "X-Shopify-Topic": delivery.topic,
            "X-Shopify-Hmac-Sha256": body_signature(self._secret, delivery.body),
            "X-Shopify-Shop-Domain": delivery.shop,
            "X-Shopify-API-Version": API_VERSION,
            "X-Shopify-Webhook-Id": delivery.webhook_id,
            "X-Shopify-Event-Id": delivery.event.id,
            "X-Shopify-Triggered-At": delivery.event.triggered_at,
        }
        if delivery.target.name:
            headers["X-Shopify-Name"] = delivery.target.name
        return headers

    def _give_up(self, delivery: Delivery) -> None:
        """End a delivery whose retries all failed; its subscription goes, unless it worked meanwhile."""
        self._finish(delivery, DeliveryState.FAILED)
        subscription_id = delivery.target.subscription_id
        worked_since = self._succeeded.get((delivery.shop, subscription_id), 0.0) > delivery.first_attempt
        if subscription_id != COMPLIANCE and not worked_since:
            self._on_exhausted(delivery.shop, subscription_id)

    def _finish(self, delivery: Delivery, state: DeliveryState) -> None:
        self._end(delivery, state)
        self.queue(delivery.shop).count(-1)

    def _end(self, delivery: Delivery, state: DeliveryState) -> None:
        delivery.state = state
        delivery.body = b""

    def _later(self, seconds: float, function: Callable[[], None]) -> None:
        def fire() -> None:
            self._timers.discard(timer)
            function()

        timer = asyncio.get_running_loop().call_later(seconds * self._retry_scale, fire)
        self._timers.add(timer)
