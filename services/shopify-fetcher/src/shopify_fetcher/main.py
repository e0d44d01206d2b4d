"""Build everything and run it."""

import asyncio
from dataclasses import dataclass

from shopify_fetcher.access.costs import CostBook
from shopify_fetcher.access.pacing import Pacer
from shopify_fetcher.access.rotation import KeyRotation
from shopify_fetcher.access.session import Access
from shopify_fetcher.access.tokens import TokenKeeper
from shopify_fetcher.access.vault import Vault
from shopify_fetcher.clients.shopify import ShopifyClient
from shopify_fetcher.connections import Connector
from shopify_fetcher.disconnections import Disconnector
from shopify_fetcher.errors import Transient
from shopify_fetcher.handlers import ShopEvents
from shopify_fetcher.http import make_app
from shopify_fetcher.metrics import REGISTRY
from shopify_fetcher.reading.reader import Reader
from shopify_fetcher.settings import Settings
from shopify_fetcher.store.tables import outbox
from shopify_fetcher.subscriptions import Subscriptions, WebhookDoctor
from shopify_fetcher.upkeep import Upkeep
from sync_common.bus import Consumer, OutboxRelay, Producer, topic_guard
from sync_common.contracts.stack import SERVICES
from sync_common.contracts.topics import SHOPIFY_FETCHER
from sync_common.db import Database, is_transient
from sync_common.http import Client, make_client
from sync_common.runtime import (
    Clock,
    HttpServer,
    KeyRing,
    Readiness,
    SystemClock,
    configure_logging,
    ops_app,
    run_service,
)


@dataclass(frozen=True)
class Parts:
    """The working parts of one process, wired."""

    access: Access
    connector: Connector
    disconnector: Disconnector
    doctor: WebhookDoctor
    reader: Reader
    events: ShopEvents
    keys: KeyRotation


def build(settings: Settings, database: Database, http: Client, clock: Clock) -> Parts:
    """Wire the parts together."""
    shopify = ShopifyClient(
        http,
        clock,
        url_template=settings.shopify_url,
        client_id=settings.client_id,
        client_secret=settings.client_secret.get_secret_value(),
    )
    vault = Vault(KeyRing.from_setting(settings.master_keys.get_secret_value()))
    access = Access(shopify, TokenKeeper(database, shopify, vault), Pacer(database), CostBook(database))
    subscriptions = Subscriptions(settings.webhook_uri)
    connector = Connector(database, access, subscriptions, clock, scopes=settings.scopes)
    disconnector = Disconnector(database, access, subscriptions, clock)
    access.on_refused = disconnector.on_refused
    return Parts(
        access=access,
        connector=connector,
        disconnector=disconnector,
        doctor=WebhookDoctor(
            database,
            access,
            subscriptions,
            clock,
            refresh_facts=connector.refresh_facts,
            say_goodbye=disconnector.say_goodbye,
            on_gone=disconnector.on_gone,
        ),
        reader=Reader(access, database, settings.bulk_folder),
        events=ShopEvents(database, access, disconnector),
        keys=KeyRotation(database, vault),
    )


async def serve(settings: Settings) -> int:
    """Serve until told to stop; return the exit status."""
    configure_logging(
        SHOPIFY_FETCHER, settings.log_level, fields={"api_version", "cost", "lane", "operation"}
    )
    database = Database.from_url(
        settings.database_url.get_secret_value(),
        application_name=SHOPIFY_FETCHER,
        pool_size=settings.database_pool_size,
    )
    await database.check_role()
    producer = Producer(settings.kafka_bootstrap, SHOPIFY_FETCHER)
    http = make_client(public_only=settings.in_production)
    parts = build(settings, database, http, SystemClock())
    consumer = Consumer(
        settings.kafka_bootstrap,
        SHOPIFY_FETCHER,
        [topic.name for topic in SERVICES[SHOPIFY_FETCHER].consumes],
        parts.events.handle,
        client_id=SHOPIFY_FETCHER,
        max_batch_records=1,  # each may ask Shopify: one shop's silence repeats no other's work
        transient=lambda error: isinstance(error, Transient) or is_transient(error),
        dead_letters=producer,
        registry=REGISTRY,
    )
    app = make_app(
        database,
        parts.access,
        parts.connector,
        parts.disconnector,
        parts.reader,
        parts.keys,
        service_token=settings.service_token.get_secret_value(),
    )
    readiness = Readiness({"database": database.is_reachable})
    return await run_service(
        SHOPIFY_FETCHER,
        tasks={
            "topics": topic_guard(
                SHOPIFY_FETCHER, settings.kafka_bootstrap, production=settings.in_production
            ),
            "shop-events": consumer.run,
            "outbox": OutboxRelay(database, outbox, producer, registry=REGISTRY).run,
            "webhook-doctor": parts.doctor.run,
            "upkeep": Upkeep(database).run,
        },
        servers=[
            HttpServer(app, settings.http_host, settings.http_port, limit_concurrency=settings.streams_max),
            HttpServer(ops_app(REGISTRY, readiness), settings.ops_host, settings.ops_port),
        ],
        readiness=readiness,
        closers=[producer.stop, http.aclose, database.close],
    )


def main() -> int:
    """Run the service from the environment's settings."""
    return asyncio.run(serve(Settings.from_environment()))
