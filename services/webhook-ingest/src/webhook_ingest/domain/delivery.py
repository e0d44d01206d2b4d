"""A verified delivery and the one Kafka record that it becomes."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sync_common.contracts.envelope import Envelope
from sync_common.contracts.records import RawRecord, RecordType, ShopWebhook, record_key
from sync_common.contracts.resources import Resource, Shape
from sync_common.contracts.topics import SHOP_TOPIC, WEBHOOK_INGEST
from sync_common.contracts.webhooks import WEBHOOK_ROUTES, WebhookRoute
from webhook_ingest.domain.headers import DeliveryHeaders
from webhook_ingest.domain.record_id import record_id


@dataclass(frozen=True, slots=True)
class Delivery:
    """A body that Shopify signed, as it came, with its headers and the time of its receipt."""

    headers: DeliveryHeaders
    body: bytes
    received_at: datetime

    @property
    def observed_at(self) -> datetime:
        """Return how fresh the body is. Triggered-At is unsigned, so it cannot lie in the future."""
        return min(self.headers.triggered_at or self.received_at, self.received_at)


@dataclass(frozen=True, slots=True)
class Publication:
    """What goes to Kafka for one delivery; the value is the body."""

    topic: str
    key: bytes
    envelope: Envelope


def path_topic(topic: str) -> str:
    """Return a webhook topic as it is written in a URL: `customers_create`."""
    return topic.replace("/", "_").replace(".", "_")


def publication(delivery: Delivery, *, event_id: str, traceparent: str) -> Publication:
    """Decide where a delivery goes.

    A topic that this platform does not know goes where bodies that name no record go, for the reader there to
    dead-letter: Shopify signed it, and refusing what it signed would only make it delete a subscription.
    """
    route = WEBHOOK_ROUTES.get(delivery.headers.topic)
    if route is None or route.resource is None:
        webhook = _shop_webhook(delivery, event_id, traceparent)
        topic = route.kafka_topic if route else SHOP_TOPIC
        return Publication(topic, webhook.shop.encode(), webhook.envelope())
    record = _record(delivery, route, route.resource, event_id, traceparent)
    # Without an id nothing can be kept in order; the shop still says who sent it.
    key = record_key(record.shop, record.record_id) if record.record_id else record.shop.encode()
    return Publication(route.kafka_topic, key, record.envelope())


def _record(
    delivery: Delivery, route: WebhookRoute, resource: Resource, event_id: str, traceparent: str
) -> RawRecord:
    headers = delivery.headers
    return RawRecord(
        type=RecordType.DELIVERED,
        resource=resource,
        shop=headers.shop,
        record_id=record_id(delivery.body, route.id_path) if route.id_path else "",
        observed_at=delivery.observed_at,
        body=delivery.body,
        shape=Shape.REST,
        event_id=event_id,
        source=WEBHOOK_INGEST,
        occurred_at=delivery.received_at,
        api_version=headers.api_version,
        digest=sha256(delivery.body).hexdigest(),
        webhook_topic=headers.topic,
        webhook_id=headers.webhook_id,
        shopify_event_id=headers.event_id,
        triggered_at=headers.triggered_at,
        traceparent=traceparent,
    )


def _shop_webhook(delivery: Delivery, event_id: str, traceparent: str) -> ShopWebhook:
    headers = delivery.headers
    return ShopWebhook(
        topic=headers.topic,
        shop=headers.shop,
        observed_at=delivery.observed_at,
        body=delivery.body,
        event_id=event_id,
        source=WEBHOOK_INGEST,
        occurred_at=delivery.received_at,
        digest=sha256(delivery.body).hexdigest(),
        api_version=headers.api_version,
        webhook_id=headers.webhook_id,
        shopify_event_id=headers.event_id,
        triggered_at=headers.triggered_at,
        traceparent=traceparent,
    )
