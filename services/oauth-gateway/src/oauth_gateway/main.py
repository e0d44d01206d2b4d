"""Build everything and run it."""

import asyncio

from oauth_gateway.clients.fetcher import FetcherClient
from oauth_gateway.handlers.context import Gateway, ShopifyApp
from oauth_gateway.handlers.events import lifecycle_handler
from oauth_gateway.handlers.live import Hub
from oauth_gateway.http.app import create_app
from oauth_gateway.http.site import Site
from oauth_gateway.metrics import REGISTRY
from oauth_gateway.settings import Settings
from oauth_gateway.store.tables import outbox
from sync_common.bus import Consumer, OutboxRelay, Producer, topic_guard
from sync_common.contracts.stack import SERVICES
from sync_common.contracts.topics import OAUTH_GATEWAY
from sync_common.db import Database, is_transient
from sync_common.http import make_client
from sync_common.runtime import HttpServer, Readiness, SystemClock, configure_logging, ops_app, run_service


async def serve(settings: Settings) -> int:
    """Serve pages until told to stop; return the exit status."""
    configure_logging(OAUTH_GATEWAY, settings.log_level)
    database = Database.from_url(
        settings.database_url.get_secret_value(),
        application_name=OAUTH_GATEWAY,
        pool_size=settings.database_pool_size,
    )
    await database.check_role()
    fetcher = make_client(base_url=settings.fetcher_url, token=settings.service_token.get_secret_value())
    gateway = Gateway(
        database, SystemClock(), FetcherClient(fetcher), _shopify_app(settings), settings.key_ring()
    )
    hub = Hub(gateway)
    site = Site(settings.public_url, settings.support_url, settings.shopify_url)
    producer = Producer(settings.kafka_bootstrap, OAUTH_GATEWAY)
    readiness = Readiness({"postgres": database.is_reachable})
    return await run_service(
        OAUTH_GATEWAY,
        tasks={
            "topics": topic_guard(OAUTH_GATEWAY, settings.kafka_bootstrap, production=settings.in_production),
            "outbox": OutboxRelay(database, outbox, producer, registry=REGISTRY).run,
            "consumer": _consumer(settings, database, producer).run,
            "live": hub.run,
        },
        servers=[
            HttpServer(create_app(gateway, site, hub), settings.http_host, settings.http_port),
            HttpServer(ops_app(REGISTRY, readiness), settings.ops_host, settings.ops_port),
        ],
        readiness=readiness,
        closers=[producer.stop, fetcher.aclose, database.close],
    )


def run() -> int:
    """Run the service from the environment's settings; return the exit status."""
    return asyncio.run(serve(Settings.from_environment()))


def _consumer(settings: Settings, database: Database, dead_letters: Producer) -> Consumer:
    return Consumer(
        settings.kafka_bootstrap,
        OAUTH_GATEWAY,
        [topic.name for topic in SERVICES[OAUTH_GATEWAY].consumes],
        lifecycle_handler(database, SystemClock()),
        client_id=OAUTH_GATEWAY,
        transient=is_transient,
        dead_letters=dead_letters,
        max_batch_records=100,
        registry=REGISTRY,
    )


def _shopify_app(settings: Settings) -> ShopifyApp:
    return ShopifyApp(
        client_id=settings.client_id,
        client_secrets=[secret.get_secret_value() for secret in settings.client_secret],
        scopes=settings.scopes,
        historical_orders=settings.historical_orders,
        shop_url=settings.shopify_url,
        redirect_uri=f"{settings.public_url}/auth/shopify/callback",
    )
