"""Every contract has a golden example, and every example is what the code reads and writes."""

import json
from hashlib import sha256

import pytest

from sync_common.contracts.events import EVENTS
from sync_common.contracts.examples import Example, load_all
from sync_common.contracts.records import RawRecord, RecordType, ShopWebhook, record_key
from sync_common.contracts.schemas import schema_name
from sync_common.contracts.topics import TOPICS
from sync_common.contracts.webhooks import WEBHOOK_ROUTES

EVENT_EXAMPLES = load_all("events")
RECORD_EXAMPLES = load_all("records")


def by_path(example: Example) -> str:
    return example.path


def test_every_event_has_an_example() -> None:
    wanted = {schema_name(event).removesuffix(".json") for event in EVENTS.values()}

    assert {example.path.removeprefix("events/") for example in EVENT_EXAMPLES} == wanted


def test_every_kind_of_record_has_an_example() -> None:
    assert {example.envelope.type for example in RECORD_EXAMPLES} == set(RecordType)


@pytest.mark.parametrize("example", EVENT_EXAMPLES, ids=by_path)
def test_event_example_survives_the_round_trip(example: Example) -> None:
    model = EVENTS[example.envelope.type]

    event = model.model_validate_json(example.body)

    assert json.loads(event.model_dump_json()) == json.loads(example.body)
    assert (example.topic, example.key) == (event.TOPIC, event.key().encode())
    assert example.envelope.subject == event.subject()


@pytest.mark.parametrize("example", EVENT_EXAMPLES, ids=by_path)
def test_event_example_sets_every_field(example: Example) -> None:
    """A field that the example leaves out would be renamed unnoticed."""
    fields = set(EVENTS[example.envelope.type].model_fields)

    assert set(json.loads(example.body)) == fields


@pytest.mark.parametrize("example", EVENT_EXAMPLES, ids=by_path)
def test_older_consumer_reads_an_event_with_a_new_field(example: Example) -> None:
    model = EVENTS[example.envelope.type]
    newer = {**json.loads(example.body), "field_of_the_future": 1}

    assert model.model_validate(newer) == model.model_validate_json(example.body)


@pytest.mark.parametrize("example", EVENT_EXAMPLES + RECORD_EXAMPLES, ids=by_path)
def test_example_comes_from_a_producer_of_its_topic(example: Example) -> None:
    assert example.envelope.source in TOPICS[example.topic].producers


@pytest.mark.parametrize("example", EVENT_EXAMPLES + RECORD_EXAMPLES, ids=by_path)
def test_envelope_of_an_example_survives_the_round_trip(example: Example) -> None:
    assert example.envelope.to_headers() == example.headers


@pytest.mark.parametrize("example", [e for e in RECORD_EXAMPLES if not e.path.endswith(".shop")], ids=by_path)
def test_record_example_survives_the_round_trip(example: Example) -> None:
    record = RawRecord.from_headers(example.envelope.to_headers(), example.body)

    assert record.envelope().to_headers() == example.headers
    if record.type is not RecordType.PART_ENDED:
        assert example.key == record_key(record.shop, record.record_id)


@pytest.mark.parametrize("example", [e for e in RECORD_EXAMPLES if e.path.endswith(".shop")], ids=by_path)
def test_shop_webhook_example_survives_the_round_trip(example: Example) -> None:
    webhook = ShopWebhook.from_message(example.envelope, example.body)

    assert webhook.envelope().to_headers() == example.headers
    assert example.key == webhook.shop.encode()


@pytest.mark.parametrize("example", [e for e in RECORD_EXAMPLES if "webhook" in e.path], ids=by_path)
def test_webhook_example_carries_the_digest_of_its_body_and_goes_where_its_topic_is_routed(
    example: Example,
) -> None:
    extensions = example.envelope.extensions

    assert extensions["digest"] == sha256(example.body).hexdigest()
    assert WEBHOOK_ROUTES[extensions["webhooktopic"]].kafka_topic == example.topic
