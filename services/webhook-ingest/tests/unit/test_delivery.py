"""Where a delivery goes and what its headers say."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from sync_common.contracts.envelope import Envelope
from sync_common.contracts.records import RawRecord, RecordType, ShopWebhook
from sync_common.contracts.resources import Resource, Shape
from webhook_ingest.domain.delivery import Publication, path_topic, publication, received
from webhook_ingest.domain.headers import DeliveryHeaders

RECEIVED = datetime(2026, 11, 22, 10, 0, 5, tzinfo=UTC)
TRIGGERED = datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=UTC)
HEADERS = DeliveryHeaders(
    signature=b"",
    topic="orders/updated",
    shop="acme.myshopify.com",
    webhook_id="w1",
    event_id="e1",
    api_version="2026-10",
    triggered_at=TRIGGERED,
)


def published(body: bytes = b'{"id": 7}', **changes: object) -> Publication:
    delivery = received(HEADERS._replace(**changes), body, RECEIVED)  # type: ignore[arg-type]
    return publication(delivery, event_id="id-1", traceparent="00-a-b-01")


def test_record_carries_everything_but_the_body_in_its_headers() -> None:
    sent = published()

    record = RawRecord.from_headers(sent.headers, b'{"id": 7}')
    assert (sent.topic, sent.key) == ("shopify.orders.live.v1", b"acme.myshopify.com/7")
    assert record == RawRecord(
        type=RecordType.DELIVERED,
        resource=Resource.ORDERS,
        shop="acme.myshopify.com",
        record_id="7",
        observed_at=TRIGGERED,
        body=b'{"id": 7}',
        shape=Shape.REST,
        event_id="id-1",
        source="webhook-ingest",
        occurred_at=RECEIVED,
        api_version="2026-10",
        digest=sha256(b'{"id": 7}').hexdigest(),
        webhook_topic="orders/updated",
        webhook_id="w1",
        shopify_event_id="e1",
        triggered_at=TRIGGERED,
        traceparent="00-a-b-01",
    )


def test_webhook_about_the_shop_is_keyed_by_shop() -> None:
    sent = published(b"{}", topic="app/uninstalled")

    envelope = Envelope.from_headers(sent.headers)
    webhook = ShopWebhook.from_message(envelope, b"{}")
    assert (sent.topic, sent.key) == ("shopify.shop.v1", b"acme.myshopify.com")
    assert envelope.subject == "shop/acme.myshopify.com"
    assert (webhook.topic, webhook.observed_at, webhook.triggered_at) == (
        "app/uninstalled",
        TRIGGERED,
        TRIGGERED,
    )
    assert webhook.digest == sha256(b"{}").hexdigest()


def test_unknown_topic_goes_where_somebody_dead_letters_it() -> None:
    sent = published(topic="carts/update")

    assert (sent.topic, sent.key) == ("shopify.shop.v1", b"acme.myshopify.com")
    assert ShopWebhook.from_message(Envelope.from_headers(sent.headers), b"").topic == "carts/update"


def test_record_without_readable_id_is_keyed_by_shop() -> None:
    sent = published(b"not json")

    assert (sent.topic, sent.key) == ("shopify.orders.live.v1", b"acme.myshopify.com")
    assert RawRecord.from_headers(sent.headers, b"").record_id == ""


@pytest.mark.parametrize(
    ("triggered_at", "observed_at"),
    [
        (TRIGGERED, TRIGGERED),
        (RECEIVED + timedelta(hours=1), RECEIVED),
        (None, RECEIVED),
    ],
)
def test_observed_at_is_never_later_than_the_receipt(
    triggered_at: datetime | None, observed_at: datetime
) -> None:
    sent = published(triggered_at=triggered_at)

    assert RawRecord.from_headers(sent.headers, b"").observed_at == observed_at


@pytest.mark.parametrize(
    ("topic", "path"),
    [("customers/create", "customers_create"), ("customer.tags_added", "customer_tags_added")],
)
def test_path_names_topics_with_underscores(topic: str, path: str) -> None:
    assert path_topic(topic) == path
