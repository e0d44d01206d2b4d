"""Publish a delivery: 200 is owed only after Kafka's acknowledgement."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import uuid4

from sync_common.bus import DeliveryFailed, Producer
from sync_common.contracts.envelope import new_event_id
from webhook_ingest import metrics
from webhook_ingest.domain.delivery import Delivery, publication
from webhook_ingest.errors import NotDurable


@dataclass(slots=True)
class WaitingRoom:
    """Bounds how many deliveries wait for Kafka, in all and per shop, so that no shop crowds out the others."""

    size: int
    share: int
    _by_shop: Counter[str] = field(default_factory=Counter)
    _total: int = 0

    @contextmanager
    def place(self, shop: str) -> Iterator[None]:
        """Hold one place for `shop`; raise NotDurable when there is none."""
        if self._total >= self.size or self._by_shop[shop] >= self.share:
            raise NotDurable("too many deliveries are waiting")
        self._enter(shop, 1)
        try:
            yield
        finally:
            self._enter(shop, -1)

    def _enter(self, shop: str, change: int) -> None:
        self._total += change
        self._by_shop[shop] += change
        if not self._by_shop[shop]:
            del self._by_shop[shop]
        metrics.WAITING.set(self._total)


async def on_delivery(delivery: Delivery, *, producer: Producer, waiting: WaitingRoom) -> None:
    """Put a delivery on Kafka; return when all replicas in sync have it, raise NotDurable within the deadline."""
    trace = uuid4().hex
    record = publication(delivery, event_id=new_event_id(), traceparent=f"00-{trace}-{trace[:16]}-01")
    with waiting.place(delivery.headers.shop):
        try:
            await producer.send(record.topic, record.key, delivery.body, record.envelope.to_headers())
        except DeliveryFailed as error:
            raise NotDurable("Kafka did not acknowledge in time") from error
    metrics.BODY_BYTES.observe(len(delivery.body))
    metrics.DELIVERY_AGE_SECONDS.observe((delivery.received_at - delivery.observed_at).total_seconds())
