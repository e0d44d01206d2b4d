"""The topic registry and the schemas: complete, owned, and equal to what is committed."""

from pathlib import Path
from typing import Any

import pytest

from sync_common.contracts import schemas
from sync_common.contracts.events import EVENTS, Event
from sync_common.contracts.stack import OPERATOR_TOOLS, SERVICES
from sync_common.contracts.topics import TOPICS, Topic, dead_letter_topic
from sync_common.contracts.webhooks import WEBHOOK_ROUTES


@pytest.mark.parametrize("topic", TOPICS.values(), ids=str)
def test_topic_has_an_owner_a_producer_and_a_consumer(topic: Topic) -> None:
    assert topic.owner in SERVICES | OPERATOR_TOOLS
    assert topic.producers
    assert topic.consumers
    assert {*topic.producers, *topic.consumers} <= SERVICES.keys() | OPERATOR_TOOLS.keys()
    assert topic.owner in topic.producers


@pytest.mark.parametrize("topic", TOPICS.values(), ids=str)
def test_each_service_that_consumes_a_topic_has_its_own_dead_letters(topic: Topic) -> None:
    assert topic.dead_letters == tuple(
        dead_letter_topic(topic.name, name) for name in topic.consumers if name in SERVICES
    )


@pytest.mark.parametrize("event", EVENTS.values(), ids=lambda event: event.type_name())
def test_event_goes_to_a_registered_topic(event: type[Event]) -> None:
    assert event.TOPIC in TOPICS


def test_every_concrete_event_is_registered() -> None:
    event: Any = Event  # abstract, which mypy will not take for a class
    concrete = {model for model in _descendants(event) if "TYPE" in vars(model) and _is_contract(model)}

    assert set(EVENTS.values()) == concrete


def test_webhooks_are_routed_to_topics_that_ingest_may_write() -> None:
    writable = {topic.name for topic in SERVICES["webhook-ingest"].produces}

    assert {route.kafka_topic for route in WEBHOOK_ROUTES.values()} <= writable


def test_committed_schemas_are_what_the_models_say() -> None:
    assert schemas.drifted() == []


def test_drift_is_found_whichever_way_a_schema_differs(tmp_path: Path) -> None:
    schemas.write(tmp_path)
    assert schemas.drifted(tmp_path) == []

    (tmp_path / "sync.started.v1.json").unlink()
    (tmp_path / "sync.failed.v1.json").write_text("{}")
    (tmp_path / "sync.forgotten.v1.json").write_text("{}")

    assert schemas.drifted(tmp_path) == [
        "sync.failed.v1.json",
        "sync.forgotten.v1.json",
        "sync.started.v1.json",
    ]


def _descendants(model: type[Event]) -> set[type[Event]]:
    children = set(model.__subclasses__())
    return children.union(*(_descendants(child) for child in children))


def _is_contract(model: type[Event]) -> bool:
    return model.__module__.startswith("sync_common.contracts.")
