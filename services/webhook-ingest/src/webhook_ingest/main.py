"""Build everything and run it."""

import asyncio
import gc
import sys
from functools import partial

from sync_common.bus import Producer
from sync_common.contracts.topics import WEBHOOK_INGEST
from sync_common.runtime import HttpServer, Readiness, SystemClock, configure_logging, ops_app, run_service

from webhook_ingest.handlers import WaitingRoom, on_delivery
from webhook_ingest.http import WebhookEndpoint, create_app
from webhook_ingest.kafka import Publisher
from webhook_ingest.metrics import REGISTRY
from webhook_ingest.settings import IngestSettings


async def serve(settings: IngestSettings) -> int:
    """Serve deliveries until told to stop; return the exit status."""
    configure_logging(WEBHOOK_INGEST, settings.log_level, fields={"webhook_topic"})
    producer = Producer(
        settings.kafka_bootstrap,
        WEBHOOK_INGEST,
        delivery_timeout_seconds=settings.acknowledge_seconds,
        linger_ms=0,
    )
    publisher = Publisher(producer, settings.kafka_bootstrap)
    endpoint = WebhookEndpoint(
        secrets=settings.secrets(),
        on_delivery=partial(
            on_delivery,
            producer=publisher,
            waiting=WaitingRoom(settings.waiting_max, settings.waiting_per_shop_max),
            acknowledge_seconds=settings.acknowledge_seconds,
        ),
        clock=SystemClock(),
        answer_seconds=settings.answer_seconds,
    )
    readiness = Readiness({"kafka": publisher.is_reachable})
    gc.collect()
    gc.freeze()  # what lives as long as the process need not be looked at by every collection
    return await run_service(
        WEBHOOK_INGEST,
        tasks={"kafka": publisher.run},
        servers=[
            HttpServer(
                create_app(endpoint),
                settings.http_host,
                settings.http_port,
                limit_concurrency=settings.connections_max,
            ),
            HttpServer(ops_app(REGISTRY, readiness), settings.ops_host, settings.ops_port),
        ],
        readiness=readiness,
        closers=[producer.stop],
    )


def main() -> None:
    """Run the service from the environment's settings."""
    sys.exit(asyncio.run(serve(IngestSettings.from_environment())))
