"""Publish records on the live lane."""

from collections.abc import Iterable

from sync_common.contracts.records import RawRecord, record_key
from sync_common.contracts.topics import live_topic
from sync_orchestrator.runner.tools import Tools


async def publish(tools: Tools, told: Iterable[RawRecord]) -> None:
    """Return once Kafka has acknowledged all of them; raise DeliveryFailed or MessageTooLarge where it has not."""
    batch = tools.producer.batch()
    for record in told:
        key = record_key(record.shop, record.record_id)
        await batch.enqueue(live_topic(record.resource), key, record.body, record.envelope().to_headers())
    await batch.flush()
