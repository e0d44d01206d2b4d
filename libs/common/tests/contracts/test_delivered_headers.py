"""Headers of a webhook, written without the classes that read them, are those classes' own."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sync_common.contracts.envelope import Envelope
from sync_common.contracts.records import (
    RawRecord,
    RecordType,
    ShopWebhook,
    delivered_headers,
    record_subject,
    shop_subject,
)
from sync_common.contracts.resources import Resource, Shape

RECEIVED_AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
TRIGGERED_AT = RECEIVED_AT - timedelta(seconds=2)
SAID: dict[str, Any] = {
    "event_id": "e-1",
    "source": "webhook-ingest",
    "shop": "acme.myshopify.com",
    "webhook_topic": "orders/updated",
    "observed_at": TRIGGERED_AT,
    "digest": "d" * 64,
    "traceparent": "00-a-b-01",
}
OPTIONAL = {
    "api_version": "2026-10",
    "webhook_id": "w-1",
    "shopify_event_id": "s-1",
    "triggered_at": TRIGGERED_AT,
}
EVERY = [OPTIONAL, dict.fromkeys(OPTIONAL), {**OPTIONAL, "triggered_at": RECEIVED_AT + timedelta(hours=1)}]


@pytest.mark.parametrize("optional", EVERY)
def test_headers_of_a_record(optional: dict[str, Any]) -> None:
    headers = delivered_headers(
        subject=record_subject(Resource.ORDERS, "7"), received_at=RECEIVED_AT, **SAID, **optional
    )

    record = RawRecord(
        type=RecordType.DELIVERED,
        resource=Resource.ORDERS,
        record_id="7",
        body=b"{}",
        shape=Shape.REST,
        occurred_at=RECEIVED_AT,
        **SAID,
        **optional,
    )
    assert RawRecord.from_headers(headers, b"{}") == record
    assert sorted(headers) == sorted(record.envelope().to_headers())


@pytest.mark.parametrize("optional", EVERY)
def test_headers_about_a_shop(optional: dict[str, Any]) -> None:
    headers = delivered_headers(
        subject=shop_subject("acme.myshopify.com"), received_at=RECEIVED_AT, **SAID, **optional
    )

    said = {name: value for name, value in SAID.items() if name != "webhook_topic"}
    webhook = ShopWebhook(topic="orders/updated", body=b"{}", occurred_at=RECEIVED_AT, **said, **optional)
    assert ShopWebhook.from_message(Envelope.from_headers(headers), b"{}") == webhook
    assert sorted(headers) == sorted(webhook.envelope().to_headers())
