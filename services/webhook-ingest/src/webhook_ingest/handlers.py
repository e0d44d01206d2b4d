"""Publish a delivery: 200 is owed only after Kafka's acknowledgement."""

from sync_common.bus import DeliveryFailed, Producer
from sync_common.contracts.envelope import new_event_id
from webhook_ingest import metrics
from webhook_ingest.domain.delivery import Delivery, publication
from webhook_ingest.errors import NotDurable
from webhook_ingest.limits import WaitingRoom


async def on_delivery(
    delivery: Delivery, deadline: float, *, producer: Producer, waiting: WaitingRoom
) -> None:
    """Put a delivery on Kafka; return when all replicas in sync have it, raise NotDurable within the deadline."""
    metrics.DELIVERY_AGE_SECONDS.observe((delivery.received_at - delivery.observed_at).total_seconds())
    event_id = new_event_id()
    trace = event_id.replace("-", "")  # a delivery begins a trace of its own
    record = publication(delivery, event_id=event_id, traceparent=f"00-{trace}-{trace[16:]}-01")
    async with waiting.place(delivery.headers.shop, until=deadline):
        try:
            await producer.send(record.topic, record.key, delivery.body, record.headers, deadline=deadline)
        except DeliveryFailed as error:
            raise NotDurable("Kafka did not acknowledge in time") from error
