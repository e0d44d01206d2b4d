"""Bring the cluster's topics in line with the registry, and check that they are."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import structlog
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from sync_common.bus.errors import TopicMismatch
from sync_common.bus.waiting import pause
from sync_common.contracts.stack import SERVICES
from sync_common.contracts.topics import DEAD_LETTER_RETENTION_MS, HOUR_MS, MAX_MESSAGE_BYTES, TOPICS, Topic

DEAD_LETTER_HEADROOM_BYTES: Final = 64 * 1024  # a dead letter is the record plus headers that say why
_DEAD_LETTER_SUFFIX: Final = ".dlq"
_REPLICATION_MIN: Final = 3
_IN_SYNC_MIN: Final = 2
_KNOWN_SECONDS: Final = 15.0
_CHECK_SECONDS: Final = 10.0
_RETRY_SECONDS: Final = 1.0
_SET_ON_TOPIC: Final = 1  # config source DYNAMIC_TOPIC_CONFIG

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class WantedTopic:
    """A topic as it should be in the cluster."""

    name: str
    partitions: int
    config: Mapping[str, str]


def message_size_limit(topic: str) -> int:
    """Return the largest record, headers included, that a topic takes."""
    return MAX_MESSAGE_BYTES + (DEAD_LETTER_HEADROOM_BYTES if topic.endswith(_DEAD_LETTER_SUFFIX) else 0)


def wanted_topics(topics: Iterable[Topic] = TOPICS.values(), *, prefix: str = "") -> list[WantedTopic]:
    """Return the registry's topics and their dead-letter topics, as the cluster should hold them."""
    wanted = []
    for topic in topics:
        wanted.append(WantedTopic(prefix + topic.name, topic.partitions, topic.config))
        wanted += [WantedTopic(prefix + name, 1, _dead_letter_config(name)) for name in topic.dead_letters]
    return wanted


async def ensure_topics(
    bootstrap: str, prefix: str = "", replication: int = 1, *, topics: Iterable[Topic] = TOPICS.values()
) -> list[str]:
    """Create what is missing, add partitions, correct settings; return what was changed, in words.

    Raise TopicMismatch where the registry wants fewer partitions than there are: Kafka cannot take them away.
    """
    wanted = wanted_topics(topics, prefix=prefix)
    async with _admin(bootstrap) as admin:
        existing = await _partitions(admin)
        for topic in wanted:
            if len(existing.get(topic.name, ())) > topic.partitions:
                raise TopicMismatch(
                    f"{topic.name} has {len(existing[topic.name])} partitions, more than {topic.partitions}"
                )
        missing = [topic for topic in wanted if topic.name not in existing]
        present = [topic for topic in wanted if topic.name in existing]
        changes = await _create(admin, missing, replication)
        changes += await _widen(admin, present, existing)
        return changes + await _correct(admin, present)


async def check_topics(
    bootstrap: str, topics: Iterable[Topic], *, production: bool, prefix: str = ""
) -> None:
    """Raise TopicMismatch unless the topics are there and, in production, safe against the loss of a broker."""
    wanted = wanted_topics(topics, prefix=prefix)
    async with _admin(bootstrap) as admin:
        existing = await _partitions(admin)
        problems = [f"{topic.name} is missing" for topic in wanted if topic.name not in existing]
        if production and not problems:
            configs = await _configs(admin, [topic.name for topic in wanted])
            for topic in wanted:
                problems += _durability_problems(topic.name, existing[topic.name], configs[topic.name])
    if problems:
        raise TopicMismatch("; ".join(problems))


def topic_guard(
    service: str, bootstrap: str, *, production: bool
) -> Callable[[asyncio.Event], Awaitable[None]]:
    """Return a task that checks the topics a service reads and writes, once Kafka answers, and then waits.

    For `run_service`: a TopicMismatch ends the service, while Kafka's absence is waited out.
    """
    known = SERVICES[service]
    topics = {topic.name: topic for topic in (*known.produces, *known.consumes)}.values()

    async def run(stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                async with asyncio.timeout(_CHECK_SECONDS):
                    await check_topics(bootstrap, topics, production=production)
            except (KafkaError, TimeoutError) as error:
                log.warning("kafka_not_ready", kind="topics", error=type(error).__name__)
            else:
                break
            await pause(stop, _RETRY_SECONDS)
        await stop.wait()

    return run


def _durability_problems(
    name: str, partitions: Mapping[int, int], config: Mapping[str, tuple[str, bool]]
) -> list[str]:
    problems = []
    if min(partitions.values()) < _REPLICATION_MIN:
        problems.append(f"{name} has fewer than {_REPLICATION_MIN} replicas")
    if int(config["min.insync.replicas"][0]) < _IN_SYNC_MIN:
        problems.append(f"{name} has min.insync.replicas below {_IN_SYNC_MIN}")
    return problems


def _dead_letter_config(name: str) -> dict[str, str]:
    return {
        "retention.ms": str(DEAD_LETTER_RETENTION_MS),
        "max.message.bytes": str(message_size_limit(name)),
        "cleanup.policy": "delete",
        "segment.ms": str(HOUR_MS),
        "message.timestamp.type": "LogAppendTime",
    }


@asynccontextmanager
async def _admin(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


async def _partitions(admin: AIOKafkaAdminClient) -> dict[str, dict[int, int]]:
    """Return, for each topic, its partitions with their number of replicas."""
    return {
        topic["topic"]: {part["partition"]: len(part["replicas"]) for part in topic["partitions"]}
        for topic in await admin.describe_topics()
    }


async def _create(admin: AIOKafkaAdminClient, topics: list[WantedTopic], replication: int) -> list[str]:
    if not topics:
        return []
    safe = {"min.insync.replicas": str(_IN_SYNC_MIN)} if replication >= _REPLICATION_MIN else {}
    response = await admin.create_topics(
        [
            NewTopic(topic.name, topic.partitions, replication, topic_configs={**topic.config, **safe})
            for topic in topics
        ]
    )
    for name, code, *detail in response.topic_errors:
        if code and for_code(code) is not TopicAlreadyExistsError:  # another starter may be faster
            raise TopicMismatch(f"{name} cannot be created: {for_code(code).__name__} {detail}")
    await _until_known(admin, {topic.name for topic in topics})
    return [f"created {topic.name}" for topic in topics]


async def _until_known(admin: AIOKafkaAdminClient, names: set[str]) -> None:
    """Wait until the brokers tell of new topics: the controller answers before they have heard of them."""
    async with asyncio.timeout(_KNOWN_SECONDS):
        while names - (await _partitions(admin)).keys():  # noqa: ASYNC110 - the cluster sends no signal
            await asyncio.sleep(0.05)


async def _widen(
    admin: AIOKafkaAdminClient, topics: list[WantedTopic], existing: Mapping[str, Mapping[int, int]]
) -> list[str]:
    narrow = [topic for topic in topics if len(existing[topic.name]) < topic.partitions]
    if narrow:
        await admin.create_partitions({topic.name: NewPartitions(topic.partitions) for topic in narrow})
    return [f"widened {topic.name} to {topic.partitions} partitions" for topic in narrow]


async def _correct(admin: AIOKafkaAdminClient, topics: list[WantedTopic]) -> list[str]:
    configs = await _configs(admin, [topic.name for topic in topics])
    changes, resources = [], []
    for topic in topics:
        actual = configs[topic.name]
        drifted = [name for name, value in topic.config.items() if actual[name][0] != value]
        if drifted:
            kept = {name: value for name, (value, on_topic) in actual.items() if on_topic}
            changes.append(f"set {', '.join(drifted)} of {topic.name}")
            # AlterConfigs replaces the whole set: what an operator set on the topic must be sent again
            resources.append(ConfigResource(ConfigResourceType.TOPIC, topic.name, {**kept, **topic.config}))
    if resources:
        for response in await admin.alter_configs(resources):
            _raise_first_error(response.resources)
    return changes


async def _configs(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, dict[str, tuple[str, bool]]]:
    """Return, for each topic, its settings and whether each was set on the topic itself."""
    if not names:
        return {}
    responses = await admin.describe_configs(
        [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    )
    configs = {}
    for response in responses:
        for code, message, _kind, name, entries in response.resources:
            _raise_first_error([(code, message)])
            configs[name] = {entry[0]: (entry[1], entry[3] == _SET_ON_TOPIC) for entry in entries}
    return configs


def _raise_first_error(results: Iterable[tuple[Any, ...]]) -> None:
    for code, message, *_ in results:
        if code:
            raise TopicMismatch(f"{for_code(code).__name__}: {message}")
