"""Builds the service; owns nothing else."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import uuid4

from sync_common.bus import BusError, Consumer, OutboxRelay, Producer, in_transaction, one_by_one, topic_guard
from sync_common.contracts.stack import SERVICES
from sync_common.contracts.topics import SYNC_ORCHESTRATOR
from sync_common.db import Database, is_transient
from sync_common.http import make_client
from sync_common.runtime import HttpServer, Readiness, SystemClock, configure_logging, run_service
from sync_orchestrator.clients.fetcher import Fetcher
from sync_orchestrator.handlers import Handlers
from sync_orchestrator.http import build_app
from sync_orchestrator.metrics import REGISTRY
from sync_orchestrator.runner.checking import Checker
from sync_orchestrator.runner.deleting import Deleter
from sync_orchestrator.runner.jobs import JobRunner
from sync_orchestrator.runner.limits import Limits
from sync_orchestrator.runner.refetch import Refetcher
from sync_orchestrator.runner.schedule import Scheduler
from sync_orchestrator.runner.tools import Tools
from sync_orchestrator.runner.upkeep import Upkeep
from sync_orchestrator.settings import Settings
from sync_orchestrator.store.tables import outbox

_PARTS_A_JOB = 3


async def serve(settings: Settings) -> int:
    """Run the service until it is told to stop; return the exit status."""
    database = Database.from_url(
        settings.database_url.get_secret_value(),
        application_name=SYNC_ORCHESTRATOR,
        pool_size=settings.database_pool_size,
    )
    await database.check_role()
    owner = f"{socket.gethostname()}-{uuid4().hex[:8]}"
    producer = Producer(settings.kafka_bootstrap, owner)
    await producer.start()
    client = make_client(
        base_url=settings.fetcher_url,
        token=settings.service_token.get_secret_value(),
        connections=settings.jobs_max * _PARTS_A_JOB + 4,
    )
    clock = SystemClock()
    tools = Tools(database, producer, Fetcher(client), clock, owner, limits_of(settings))
    handlers = Handlers(clock, timedelta(seconds=settings.refetch_delay_seconds))
    consumer = Consumer(
        settings.kafka_bootstrap,
        SYNC_ORCHESTRATOR,
        [topic.name for topic in SERVICES[SYNC_ORCHESTRATOR].consumes],
        in_transaction(database, one_by_one(handlers.handle)),
        client_id=owner,
        transient=_is_outage,
        dead_letters=producer,
        registry=REGISTRY,
    )
    runner = JobRunner(tools)
    scheduler = Scheduler(
        database, jobs_max=settings.scheduled_jobs_max, interval_seconds=settings.schedule_seconds
    )
    readiness = Readiness({"database": database.is_reachable, "kafka": _as_check(producer)})
    return await run_service(
        SYNC_ORCHESTRATOR,
        tasks={
            "topics": topic_guard(
                SYNC_ORCHESTRATOR, settings.kafka_bootstrap, production=settings.in_production
            ),
            "consumer": consumer.run,
            "outbox": OutboxRelay(database, outbox, producer, registry=REGISTRY).run,
            "jobs": runner.run,
            "leases": runner.keep_leases,
            "books": runner.watch_books,
            "schedule": scheduler.run,
            "checks": Checker(tools).run,
            "deletions": Deleter(tools).run,
            "upkeep": Upkeep(database, clock).run,
            "refetch": Refetcher(tools, interval_seconds=settings.refetch_delay_seconds / 4).run,
        },
        servers=[HttpServer(build_app(readiness), settings.ops_host, settings.ops_port)],
        readiness=readiness,
        closers=[client.aclose, producer.stop, database.close],
    )


def limits_of(settings: Settings) -> Limits:
    """Return the runner's limits as an operator set them."""
    return Limits(
        jobs_max=settings.jobs_max,
        lease_seconds=settings.lease_seconds,
        heartbeat_seconds=settings.heartbeat_seconds,
        claim_seconds=settings.claim_seconds,
        books_idle_seconds=settings.books_idle_seconds,
        check_grace_seconds=settings.check_grace_seconds,
    )


def main() -> int:
    """Read the settings and run."""
    settings = Settings.from_environment()
    configure_logging(SYNC_ORCHESTRATOR, settings.log_level)
    return asyncio.run(serve(settings))


def _is_outage(error: BaseException) -> bool:
    return is_transient(error) or isinstance(error, BusError)


def _as_check(producer: Producer) -> Callable[[], Awaitable[bool]]:
    async def is_connected() -> bool:
        return producer.is_connected()

    return is_connected
