"""A verified delivery and the one Kafka record that it becomes."""

from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from sync_common.contracts.envelope import Headers
from sync_common.contracts.records import delivered_headers, record_key, record_subject, shop_subject
from sync_common.contracts.topics import SHOP_TOPIC, WEBHOOK_INGEST
from sync_common.contracts.webhooks import WEBHOOK_ROUTES
from webhook_ingest.domain.headers import DeliveryHeaders
from webhook_ingest.domain.record_id import record_id


class Delivery(NamedTuple):
    """A body that Shopify signed, as it came, with its headers and the time of its receipt."""

    headers: DeliveryHeaders
    body: bytes
    received_at: datetime
    observed_at: datetime
    """How fresh the body is."""


def received(headers: DeliveryHeaders, body: bytes, now: datetime) -> Delivery:
    """Return a delivery that came now. Triggered-At is unsigned, so it cannot lie in the future."""
    return Delivery(headers, body, now, min(headers.triggered_at or now, now))


class Publication(NamedTuple):
    """What goes to Kafka for one delivery; the value is the body."""

    topic: str
    key: bytes
    headers: Headers


def path_topic(topic: str) -> str:
    """Return a webhook topic as it is written in a URL: `customers_create`."""
    return topic.replace("/", "_").replace(".", "_")


def publication(delivery: Delivery, *, event_id: str, traceparent: str) -> Publication:
    """Decide where a delivery goes.

    A topic that this platform does not know goes where bodies that name no record go, for the reader there to
    dead-letter: Shopify signed it, and refusing what it signed would only make it delete a subscription.
    """
    headers = delivery.headers
    route = WEBHOOK_ROUTES.get(headers.topic)
    if route is None or route.resource is None:
        topic, key, subject = (
            route.kafka_topic if route else SHOP_TOPIC,
            headers.shop.encode(),
            shop_subject(headers.shop),
        )
    else:
        topic = route.kafka_topic
        number = record_id(delivery.body, route.id_path) if route.id_path else ""
        # Without an id nothing can be kept in order; the shop still says who sent it.
        key = record_key(headers.shop, number) if number else headers.shop.encode()
        subject = record_subject(route.resource, number)
    return Publication(
        topic,
        key,
        delivered_headers(
            event_id=event_id,
            source=WEBHOOK_INGEST,
            subject=subject,
            shop=headers.shop,
            webhook_topic=headers.topic,
            received_at=delivery.received_at,
            observed_at=delivery.observed_at,
            digest=sha256(delivery.body).hexdigest(),
            api_version=headers.api_version,
            webhook_id=headers.webhook_id,
            shopify_event_id=headers.event_id,
            triggered_at=headers.triggered_at,
            traceparent=traceparent,
        ),
    )
