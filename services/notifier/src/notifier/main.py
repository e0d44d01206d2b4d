"""Build everything and run it."""

import asyncio
import sys
from functools import partial
from uuid import uuid4

from notifier.clients.loops import Loops
from notifier.domain.links import Links
from notifier.handlers import on_message
from notifier.http import build_app
from notifier.metrics import REGISTRY
from notifier.sender import Sender
from notifier.settings import Settings
from sync_common.bus import Consumer, Producer, in_transaction, one_by_one, topic_guard
from sync_common.contracts.stack import SERVICES
from sync_common.contracts.topics import NOTIFIER
from sync_common.db import Database, is_transient
from sync_common.http import make_client
from sync_common.runtime import HttpServer, Readiness, SystemClock, configure_logging, run_service


async def serve(settings: Settings) -> int:
    """Turn events into mails until told to stop; return the exit status."""
    configure_logging(NOTIFIER, settings.log_level, fields={"template", "email_id"})
    database = Database.from_url(
        settings.database_url.get_secret_value(),
        application_name=NOTIFIER,
        pool_size=settings.database_pool_size,
    )
    await database.check_role()
    links = Links(settings.public_url, settings.support_url)
    dead_letters = Producer(settings.kafka_bootstrap, NOTIFIER)
    consumer = Consumer(
        settings.kafka_bootstrap,
        NOTIFIER,
        [topic.name for topic in SERVICES[NOTIFIER].consumes],
        in_transaction(database, one_by_one(partial(on_message, links=links))),
        client_id=NOTIFIER,
        transient=is_transient,
        dead_letters=dead_letters,
        max_batch_records=100,
        registry=REGISTRY,
    )
    client = make_client(
        base_url=settings.loops_url, token=settings.loops_api_key.get_secret_value(), read_seconds=15
    )
    sender = Sender(
        owner=uuid4().hex,
        database=database,
        loops=Loops(client),
        templates=settings.templates,
        keys=settings.key_ring(),
        links=links,
        clock=SystemClock(),
        mails_per_second=settings.mails_per_second,
    )

    async def has_joined() -> bool:
        return consumer.is_ready()

    readiness = Readiness({"postgres": database.is_reachable, "kafka": has_joined})
    return await run_service(
        NOTIFIER,
        tasks={
            "topics": topic_guard(NOTIFIER, settings.kafka_bootstrap, production=settings.in_production),
            "consumer": consumer.run,
            "sender": sender.run,
            "upkeep": sender.keep_up,
        },
        servers=[HttpServer(build_app(readiness), settings.ops_host, settings.ops_port)],
        readiness=readiness,
        closers=[dead_letters.stop, client.aclose, database.close],
    )


def main() -> None:
    """Run the service from the environment's settings."""
    sys.exit(asyncio.run(serve(Settings.from_environment())))
