"""Build the service: a consumer per lane and resource, the sweep, the outbox relay and the ops port."""

import asyncio
from collections.abc import Awaitable, Callable

from record_writer.compliance import ComplianceHandler
from record_writer.domain.redaction import Hasher
from record_writer.handlers import RecordHandler
from record_writer.http import build_app
from record_writer.lanes import Lanes
from record_writer.metrics import REGISTRY
from record_writer.novelties import LOG_FIELDS, Novelties
from record_writer.restore import reapply_redactions
from record_writer.settings import Settings
from record_writer.store.tables import outbox
from record_writer.upkeep import Upkeep
from sync_common.bus import (
    BatchHandler,
    Consumer,
    OutboxRelay,
    Producer,
    in_transaction,
    one_by_one,
    topic_guard,
)
from sync_common.contracts.topics import COMPLIANCE_TOPIC, RECORD_WRITER, live_topic, sync_topic
from sync_common.db import Database, is_transient
from sync_common.runtime import HttpServer, Readiness, SystemClock, configure_logging, run_service

Task = Callable[[asyncio.Event], Awaitable[None]]


async def main() -> int:
    """Run the service until it is told to stop; return the exit status."""
    settings = Settings.from_environment()
    configure_logging(RECORD_WRITER, settings.log_level, LOG_FIELDS)
    database = Database.from_url(
        settings.database_url.get_secret_value(),
        application_name=RECORD_WRITER,
        pool_size=settings.database_pool_size,
    )
    await database.check_role()
    producer = Producer(settings.kafka_bootstrap, RECORD_WRITER)
    await producer.start()

    consumers = build_consumers(settings, database, producer)
    upkeep = Upkeep(database, SystemClock(), sweep_seconds=settings.sweep_seconds)
    tasks: dict[str, Task] = {name: consumer.run for name, consumer in consumers.items()}
    tasks["upkeep"] = upkeep.run
    tasks["topics"] = topic_guard(RECORD_WRITER, settings.kafka_bootstrap, production=settings.in_production)
    tasks["outbox"] = OutboxRelay(database, outbox, producer, registry=REGISTRY).run

    async def consuming() -> bool:
        return all(consumer.is_ready() for consumer in consumers.values())

    readiness = Readiness({"database": database.is_reachable, "consumers": consuming})
    return await run_service(
        RECORD_WRITER,
        tasks=tasks,
        servers=[HttpServer(build_app(readiness), settings.ops_host, settings.ops_port)],
        readiness=readiness,
        closers=[producer.stop, database.close],
    )


async def reapply() -> int:
    """Redact in a restored database what was redacted since its backup; return the exit status."""
    settings = Settings.from_environment()
    configure_logging(RECORD_WRITER, settings.log_level)
    database = Database.from_url(
        settings.database_url.get_secret_value(), application_name=RECORD_WRITER, pool_size=1
    )
    await database.check_role()
    try:
        await reapply_redactions(database, settings.kafka_bootstrap, _hasher(settings), SystemClock())
    finally:
        await database.close()
    return 0


def _hasher(settings: Settings) -> Hasher:
    return Hasher(settings.redaction_key.get_secret_value().encode())


def build_consumers(settings: Settings, database: Database, producer: Producer) -> dict[str, Consumer]:
    """Return the consumers; each lane and resource is a group of its own, so that a busy one never delays another."""
    hasher, clock, novelties = _hasher(settings), SystemClock(), Novelties()
    # Alone, a process overlaps two batches: one in PostgreSQL, one in Python. Beside webhooks it would slow them down.
    lanes = Lanes(sync_batches_max=1 if "live" in settings.lanes else settings.sync_consumers)

    def consumer(
        group: str, topic: str, handler: BatchHandler, batch_records_max: int, *, number: int = 1
    ) -> Consumer:
        return Consumer(
            settings.kafka_bootstrap,
            f"{RECORD_WRITER}.{group}",
            [topic],
            handler,
            client_id=f"{RECORD_WRITER}.{group}.{number}",
            consumer_name=RECORD_WRITER,
            transient=is_transient,
            dead_letters=producer,
            max_batch_records=batch_records_max,
            registry=REGISTRY,
        )

    consumers = {}
    for resource in sorted(settings.resources):
        if "live" in settings.lanes:
            write = in_transaction(database, RecordHandler(resource, hasher, clock, novelties=novelties))
            group = f"{resource}.live"
            consumers[group] = consumer(
                group, live_topic(resource), lanes.first(write), settings.batch_records_max
            )
        if "sync" in settings.lanes:
            write = in_transaction(
                database, RecordHandler(resource, hasher, clock, lanes.give_way, novelties)
            )
            group = f"{resource}.sync"
            for number in range(1, 1 + settings.sync_consumers):
                consumers[f"{group}.{number}"] = consumer(
                    group,
                    sync_topic(resource),
                    lanes.in_its_place(write),
                    settings.batch_records_max,
                    number=number,
                )
    if "compliance" in settings.lanes:
        comply = in_transaction(database, one_by_one(ComplianceHandler(hasher, clock, novelties=novelties)))
        # One transaction each: a request holds its shop alone, and the next one may have to wait for another shop.
        consumers["compliance"] = consumer("compliance", COMPLIANCE_TOPIC, comply, batch_records_max=1)
    return consumers
