"""From the request to Kafka and back to the answer, on a real broker."""

import asyncio
import json
import time
from hashlib import sha256
from importlib.resources import files
from typing import Any
from uuid import uuid4

import pytest

from sync_common.contracts.envelope import Envelope
from sync_common.contracts.records import RawRecord, ShopWebhook
from sync_common.contracts.webhooks import WEBHOOK_ROUTES
from webhook_ingest.domain.delivery import path_topic
from webhook_ingest.http import BODY_BYTES_MAX

EXAMPLES = files("shopify_simulator") / "webhooks" / "examples"
CUSTOMER, ORDER, PRODUCT = "706405506930370084", "820982911946154508", "788032119674292922"

# Shopify's own examples: topic, where it must go, and the id of the record that it is about.
RECORDS = [
    *(
        (f"customers/{fact}", "customers", CUSTOMER)
        for fact in ("create", "update", "enable", "disable", "delete")
    ),
    ("customers/merge", "customers", "1"),
    ("customers/purchasing_summary", "customers", "1"),
    ("customer.tags_added", "customers", "1"),
    ("customer.tags_removed", "customers", "1"),
    ("customers_email_marketing_consent/update", "customers", CUSTOMER),
    ("customers_marketing_consent/update", "customers", CUSTOMER),
    *((f"orders/{fact}", "orders", ORDER) for fact in ("create", "updated", "cancelled", "edited", "delete")),
    ("refunds/create", "orders", ORDER),
    *((f"products/{fact}", "products", PRODUCT) for fact in ("create", "update", "delete")),
]
SHOPS = [
    *((topic, "shopify.shop.v1") for topic in ("shop/update", "app/uninstalled", "app/scopes_update")),
    ("bulk_operations/finish", "shopify.shop.v1"),
    ("inventory_levels/update", "shopify.shop.v1"),  # not ours: still taken, because Shopify signed it
    *(
        (topic, "shopify.compliance.v1")
        for topic in ("customers/data_request", "customers/redact", "shop/redact")
    ),
]


def example(topic: str) -> bytes:
    return (EXAMPLES / f"{topic.replace('/', '_')}.json").read_bytes()


async def read_back(ingest: Any, topic: str, webhook_id: str) -> Any:
    """Return the one record of a delivery."""
    (found,) = [
        record
        for record in await ingest.published(topic)
        if ("ce_webhookid", webhook_id.encode()) in record.headers
    ]
    return found


def test_every_topic_has_an_example() -> None:
    assert {topic for topic, *_ in [*RECORDS, *SHOPS]} - {"inventory_levels/update"} == set(WEBHOOK_ROUTES)


@pytest.mark.parametrize(("topic", "resource", "record_id"), RECORDS)
async def test_official_example_of_a_record_reaches_its_live_topic(
    ingest: Any, topic: str, resource: str, record_id: str
) -> None:
    body, webhook_id = example(topic), str(uuid4())

    answer = await ingest.deliver(body, topic, path=f"/{path_topic(topic)}", webhook_id=webhook_id)

    assert (answer.status_code, answer.content) == (200, b"")
    message = await read_back(ingest, f"shopify.{resource}.live.v1", webhook_id)
    record = RawRecord.from_headers(message.headers, message.value)
    assert message.value == body
    assert message.key == f"acme.myshopify.com/{record_id}".encode()
    assert (record.resource, record.record_id, record.webhook_topic) == (resource, record_id, topic)
    assert record.digest == sha256(body).hexdigest()


@pytest.mark.parametrize(("topic", "kafka_topic"), SHOPS)
async def test_official_example_about_a_shop_is_keyed_by_shop(
    ingest: Any, topic: str, kafka_topic: str
) -> None:
    body, webhook_id = example(topic), str(uuid4())

    answer = await ingest.deliver(body, topic, webhook_id=webhook_id)

    assert answer.status_code == 200
    message = await read_back(ingest, kafka_topic, webhook_id)
    webhook = ShopWebhook.from_message(Envelope.from_headers(message.headers), message.value)
    assert (message.key, message.value) == (b"acme.myshopify.com", body)
    assert (webhook.topic, webhook.shop) == (topic, "acme.myshopify.com")


async def test_each_active_secret_is_accepted(ingest: Any) -> None:
    previous = ingest.sign(b'{"id":1}', b"previous")
    older = ingest.sign(b'{"id":1}', b"older")

    assert (await ingest.deliver(b'{"id":1}', hmac_sha256=previous)).status_code == 200
    assert (await ingest.deliver(b'{"id":1}', hmac_sha256=older)).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"hmac_sha256": ""},
        {"hmac_sha256": "é"},
        {"hmac_sha256": "A" * 100_000},
        {"topic": ""},
        {"topic": "orders"},
        {"topic": "orders/updated/" * 400},
        {"shop_domain": ""},
        {"shop_domain": "evil.com"},
        {"shop_domain": "ÿ"},
    ],
)
async def test_odd_header_is_refused_and_never_an_error(ingest: Any, headers: dict[str, str]) -> None:
    answer = await ingest.deliver(b'{"id":1}', **headers)

    assert answer.status_code == 401


async def test_request_without_any_header_is_refused(ingest: Any) -> None:
    assert (await ingest.client.post("/webhooks/shopify", content=b"{}")).status_code == 401


async def test_path_that_names_another_topic_is_refused(ingest: Any) -> None:
    answer = await ingest.deliver(b'{"id":1}', "orders/updated", path="/orders_create")

    assert answer.status_code == 401


async def test_dotted_topic_is_written_with_an_underscore_in_the_path(ingest: Any) -> None:
    answer = await ingest.deliver(
        example("customer.tags_added"), "customer.tags_added", path="/customer_tags_added"
    )

    assert answer.status_code == 200


async def test_body_over_the_limit_is_refused(ingest: Any) -> None:
    answer = await ingest.deliver(b"x" * (BODY_BYTES_MAX + 1))

    assert answer.status_code == 413


async def test_largest_body_is_taken(ingest: Any) -> None:
    body = b'{"id": 31, "note": "' + b"x" * (BODY_BYTES_MAX - 22) + b'"}'
    assert len(body) == BODY_BYTES_MAX

    assert (await ingest.deliver(body, webhook_id="the-largest-one")).status_code == 200

    assert (await read_back(ingest, "shopify.orders.live.v1", "the-largest-one")).value == body


@pytest.mark.parametrize("body", [b"", b"not json", b"[1]", b'{"id": "x"}'])
async def test_signed_body_that_nobody_can_use_is_taken(ingest: Any, body: bytes) -> None:
    webhook_id = str(uuid4())

    answer = await ingest.deliver(body, webhook_id=webhook_id)

    assert answer.status_code == 200
    message = await read_back(ingest, "shopify.orders.live.v1", webhook_id)
    assert (message.key, message.value) == (b"acme.myshopify.com", body)


async def test_unknown_shop_is_taken(ingest: Any) -> None:
    answer = await ingest.deliver(b'{"id":1}', shop_domain="nobody-knows-me.myshopify.com")

    assert answer.status_code == 200


async def test_headers_and_key_hold_nothing_of_the_body(ingest: Any) -> None:
    body, webhook_id = json.dumps({"id": 5, "email": "ada@example.com"}).encode(), str(uuid4())

    await ingest.deliver(body, "customers/update", webhook_id=webhook_id)

    message = await read_back(ingest, "shopify.customers.live.v1", webhook_id)
    assert b"ada@" not in message.key + b"".join(value for _, value in message.headers)


async def test_kafka_cut_off_is_told_within_four_seconds_and_mended_later(cuttable: Any, proxy: Any) -> None:
    assert (await cuttable.deliver(b'{"id":1}')).status_code == 200

    await proxy.cut()
    started = time.monotonic()
    cut = await cuttable.deliver(b'{"id":2}')
    seconds = time.monotonic() - started
    await proxy.start()

    assert (cut.status_code, seconds < 4) == (503, True)
    await _until_taken(cuttable)


async def test_silent_kafka_is_told_within_four_seconds_to_everybody(cuttable: Any, proxy: Any) -> None:
    assert (await cuttable.deliver(b'{"id":1}')).status_code == 200

    proxy.silence()
    started = time.monotonic()
    answers = await asyncio.gather(*(cuttable.deliver(b'{"id":%d}' % number) for number in range(1, 50)))
    seconds = time.monotonic() - started

    assert {answer.status_code for answer in answers} == {503}
    assert seconds < 4


async def _until_taken(ingest: Any) -> None:
    async with asyncio.timeout(20):
        while (await ingest.deliver(b'{"id":3}')).status_code != 200:
            pass


@pytest.mark.parametrize(("path", "status"), [("/", 401), ("/a/b", 401), ("x", 404)])
async def test_other_paths_are_no_redirects(ingest: Any, path: str, status: int) -> None:
    answer = await ingest.deliver(b'{"id":1}', path=path)

    assert answer.status_code == status


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
async def test_only_a_post_can_be_a_delivery(ingest: Any, method: str) -> None:
    body = b'{"id":1}'
    headers = {"X-Shopify-Topic": "orders/updated", "X-Shopify-Shop-Domain": "acme.myshopify.com"}
    signed = {**headers, "X-Shopify-Hmac-Sha256": ingest.sign(body)}

    for given in ({}, signed):
        answer = await ingest.client.request(method, "/webhooks/shopify", content=body, headers=given)

        assert (answer.status_code, answer.headers["connection"]) == (401, "close")
