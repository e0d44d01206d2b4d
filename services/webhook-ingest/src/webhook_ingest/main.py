"""Build everything and run it."""

import sys
from functools import partial

import uvloop

from sync_common.bus import Producer, topic_guard
from sync_common.contracts.stack import SERVICES
from sync_common.contracts.topics import WEBHOOK_INGEST
from sync_common.runtime import HttpServer, Readiness, SystemClock, configure_logging, ops_app, run_service
from webhook_ingest.clients.kafka import is_usable, keep_connected
from webhook_ingest.handlers import on_delivery
from webhook_ingest.http import WebhookApp
from webhook_ingest.limits import BodyMemory, WaitingRoom
from webhook_ingest.metrics import REGISTRY
from webhook_ingest.protocol import ConnectionLimits, DeliveryProtocol
from webhook_ingest.settings import Settings


async def serve(settings: Settings) -> int:
    """Serve deliveries until told to stop; return the exit status."""
    configure_logging(WEBHOOK_INGEST, settings.log_level, fields={"webhook_topic", "unsaid"})
    producer = Producer(
        settings.kafka_bootstrap,
        WEBHOOK_INGEST,
        delivery_timeout_seconds=settings.acknowledge_seconds,
    )
    app = WebhookApp(
        secrets=settings.secrets(),
        on_delivery=partial(
            on_delivery,
            producer=producer,
            waiting=WaitingRoom(
                size=settings.waiting_max,
                share=settings.waiting_per_shop_max,
                at_once=settings.publishing_per_shop_max,
            ),
        ),
        clock=SystemClock(),
        answer_seconds=settings.answer_seconds,
        memory=BodyMemory(settings.body_memory_bytes_max),
    )
    readiness = Readiness({"kafka": partial(is_usable, producer, settings.kafka_bootstrap)})
    return await run_service(
        WEBHOOK_INGEST,
        tasks={
            "topics": topic_guard(
                WEBHOOK_INGEST, settings.kafka_bootstrap, production=settings.in_production
            ),
            "kafka": partial(
                keep_connected,
                producer=producer,
                topics=[topic.name for topic in SERVICES[WEBHOOK_INGEST].produces],
            ),
        },
        servers=[
            HttpServer(
                app,
                settings.http_host,
                settings.http_port,
                protocol=partial(
                    DeliveryProtocol,
                    limits=ConnectionLimits(
                        settings.connections_max, settings.arrival_seconds, app.suspicions
                    ),
                ),
            ),
            HttpServer(ops_app(REGISTRY, readiness), settings.ops_host, settings.ops_port),
        ],
        readiness=readiness,
        closers=[producer.stop],
    )


def main() -> None:
    """Run the service from the environment's settings."""
    sys.exit(uvloop.run(serve(Settings.from_environment())))
