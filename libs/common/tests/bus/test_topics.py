"""Topics: created from the registry, corrected when they drifted, refused when they cannot be right."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from local_stack.repository import ROOT
from sync_common.bus import TopicMismatch, check_topics, ensure_topics, topic_guard
from sync_common.bus.topics import wanted_topics
from sync_common.contracts.stack import SERVICES, Service
from sync_common.contracts.topics import HOUR_MS, NOTIFIER, TOPICS, Topic

DEADLINE_SECONDS = 20


@pytest.fixture
def topic() -> Topic:
    return Topic(
        name=f"test.{uuid4().hex[:8]}.v1",
        owner="tester",
        key="any",
        carries="test records",
        partitions=2,
        retention_ms=HOUR_MS,
        producers=("tester",),
        consumers=("tester",),
        personal_data=True,
    )


async def test_missing_topics_are_created_with_their_dead_letters(bus: Any, topic: Topic) -> None:
    changes = await ensure_topics(bus.bootstrap, bus.prefix, topics=[topic])

    name = bus.prefix + topic.name
    assert changes == [f"created {name}", f"created {name}.tester.dlq"]
    settings = await _settings(bus, name, retention_ms=HOUR_MS)
    assert settings["segment.ms"] == str(HOUR_MS)
    assert settings["message.timestamp.type"] == "LogAppendTime"
    assert await ensure_topics(bus.bootstrap, bus.prefix, topics=[topic]) == []


async def test_drifted_setting_is_corrected_and_an_operators_own_is_kept(bus: Any, topic: Topic) -> None:
    await ensure_topics(bus.bootstrap, bus.prefix, topics=[topic])
    name = bus.prefix + topic.name
    await _set(bus, name, {**topic.config, "retention.ms": "1000", "file.delete.delay.ms": "12345"})
    await _settings(bus, name, retention_ms=1000)

    changes = await ensure_topics(bus.bootstrap, bus.prefix, topics=[topic])

    assert changes == [f"set retention.ms of {name}"]
    settings = await _settings(bus, name, retention_ms=HOUR_MS)
    assert settings["file.delete.delay.ms"] == "12345"


async def test_partitions_are_added_and_never_fewer(bus: Any, topic: Topic) -> None:
    await ensure_topics(bus.bootstrap, bus.prefix, topics=[topic])
    await _has_partitions(bus, bus.prefix + topic.name, 2)

    changes = await ensure_topics(bus.bootstrap, bus.prefix, topics=[replace(topic, partitions=4)])

    assert changes == [f"widened {bus.prefix}{topic.name} to 4 partitions"]
    await _has_partitions(bus, bus.prefix + topic.name, 4)
    with pytest.raises(TopicMismatch, match="has 4 partitions, more than 2"):
        await ensure_topics(bus.bootstrap, bus.prefix, topics=[topic])


async def test_missing_topic_is_named(bus: Any, topic: Topic) -> None:
    with pytest.raises(TopicMismatch, match=f"{topic.name} is missing"):
        await check_topics(bus.bootstrap, [topic], production=False, prefix=bus.prefix)


async def test_single_replica_passes_in_development_and_is_refused_in_production(
    bus: Any, topic: Topic
) -> None:
    await ensure_topics(bus.bootstrap, bus.prefix, topics=[topic])
    await check_topics(bus.bootstrap, [topic], production=False, prefix=bus.prefix)

    with pytest.raises(TopicMismatch, match="fewer than 3 replicas") as caught:
        await check_topics(bus.bootstrap, [topic], production=True, prefix=bus.prefix)

    assert "min.insync.replicas below 2" in str(caught.value)


async def test_guard_waits_for_kafka_and_ends_the_service_when_a_topic_is_unsafe(
    bus: Any, network: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the webhook's entrance used to look: all others ran on topics that could lose what was acknowledged."""
    await ensure_topics(bus.bootstrap, topics=SERVICES[NOTIFIER].consumes)
    stop, waits = asyncio.Event(), asyncio.Event()
    monkeypatch.setattr("sync_common.bus.topics.log", SimpleNamespace(warning=lambda *_, **__: waits.set()))

    network.cut()
    development, production = (
        asyncio.ensure_future(topic_guard(NOTIFIER, bus.bootstrap, production=strict)(stop))
        for strict in (False, True)
    )
    await waits.wait()
    network.heal()

    with pytest.raises(TopicMismatch, match="fewer than 3 replicas"):
        await production
    stop.set()
    await development


@pytest.mark.parametrize("service", SERVICES.values(), ids=lambda service: service.name)
def test_every_service_checks_its_topics_at_start(service: Service) -> None:
    package = ROOT / "services" / service.name / "src" / service.package
    source = "".join(path.read_text() for path in package.rglob("*.py"))

    assert re.search(r"\b(topic_guard|check_topics)\(", source)


def test_no_topic_with_personal_data_outlives_its_limit() -> None:
    limit_ms = 28 * 24 * HOUR_MS
    wanted = {topic.name: topic for topic in wanted_topics()}

    for topic in TOPICS.values():
        for name in (topic.name, *topic.dead_letters):
            if topic.personal_data:
                assert int(wanted[name].config["retention.ms"]) <= limit_ms
                assert wanted[name].config["segment.ms"] == str(HOUR_MS)
            assert wanted[name].config["cleanup.policy"] == "delete"


@asynccontextmanager
async def _admin(bus: Any) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bus.bootstrap)
    await admin.start()
    yield admin
    await admin.close()


async def _settings(bus: Any, name: str, *, retention_ms: int) -> dict[str, str]:
    """Return a topic's settings once the retention has reached the broker: the controller answers before it has."""
    async with _admin(bus) as admin, asyncio.timeout(DEADLINE_SECONDS):
        while True:
            [response] = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
            settings = {entry[0]: entry[1] for entry in response.resources[0][4]}
            if settings.get("retention.ms") == str(retention_ms):
                return settings
            await asyncio.sleep(0.05)


async def _has_partitions(bus: Any, name: str, count: int) -> None:
    async with _admin(bus) as admin, asyncio.timeout(DEADLINE_SECONDS):
        while len((await admin.describe_topics([name]))[0]["partitions"]) != count:  # noqa: ASYNC110 - a broker sends no signal
            await asyncio.sleep(0.05)


async def _set(bus: Any, name: str, config: dict[str, str]) -> None:
    async with _admin(bus) as admin:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, config)])
