"""A cluster with the topics that the tests use, under a prefix of its own."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from sync_common.bus import ensure_topics
from sync_common.contracts.topics import (
    COMPLIANCE_TOPIC,
    DEAD_LETTERS_AUDITED_TOPIC,
    LIFECYCLE_TOPIC,
    SYNC_REQUESTED_TOPIC,
    TOPICS,
)

from .world import TOPIC, World

USED = (TOPIC, COMPLIANCE_TOPIC, LIFECYCLE_TOPIC, SYNC_REQUESTED_TOPIC, DEAD_LETTERS_AUDITED_TOPIC)


@pytest.fixture
async def world(kafka_bootstrap: str) -> AsyncIterator[World]:
    prefix = f"t{uuid4().hex[:8]}."
    await ensure_topics(kafka_bootstrap, prefix, topics=[TOPICS[name] for name in USED])
    world = World(kafka_bootstrap, prefix)
    yield world
    await world.producer.stop()
