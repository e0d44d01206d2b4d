"""Shopify's own example of every topic that is mirrored, against what a person read off it."""

import json
from datetime import UTC, datetime

import pytest

from record_writer.domain.interpret import DELIVERED, interpret
from sync_common.contracts.records import RawRecord, RecordType
from sync_common.contracts.resources import Shape
from sync_common.contracts.webhooks import WEBHOOK_ROUTES

from ..examples import GOLDEN, example, golden, shown

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def delivered(topic):
    resource = WEBHOOK_ROUTES[topic].resource
    assert resource is not None
    return RawRecord(
        type=RecordType.DELIVERED,
        resource=resource,
        shop="acme.myshopify.com",
        record_id="1",
        observed_at=NOW,
        body=example(topic),
        shape=Shape.REST,
        event_id="1",
        source="test",
        occurred_at=NOW,
        webhook_topic=topic,
    )


def test_every_mirrored_topic_has_an_example_and_what_it_must_become():
    mirrored = {topic for topic, route in WEBHOOK_ROUTES.items() if route.resource}

    assert mirrored == DELIVERED.keys()
    assert {path.stem for path in GOLDEN.glob("*.json")} == {topic.replace("/", "_") for topic in mirrored}


@pytest.mark.parametrize("topic", DELIVERED)
def test_example_asks_for_what_a_person_reads_in_it(topic):
    change, asked, body = interpret(delivered(topic)), golden(topic), json.loads(example(topic))

    written, others = shown(change, named=asked["columns"].get("metadata", ()))
    assert written == asked
    assert others == {name: body[name] for name in others}, "what no column holds is kept as it came"
    assert change.observed_at == NOW
    assert (change.content_hash is not None) == (golden(topic)["kind"] == "full")
