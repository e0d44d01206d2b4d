"""Build the gateway from its settings and run it."""

from oauth_gateway.clients.fetcher import FetcherClient
from oauth_gateway.handlers.context import Gateway, ShopifyApp
from oauth_gateway.handlers.live import Hub
from oauth_gateway.http.app import create_app
from oauth_gateway.http.site import Site
from oauth_gateway.metrics import REGISTRY
from oauth_gateway.settings import Settings
from oauth_gateway.store.tables import outbox
from sync_common.bus.outbox import OutboxRelay
from sync_common.bus.producer import Producer
from sync_common.contracts.topics import OAUTH_GATEWAY
from sync_common.db import Database
from sync_common.http import make_client
from sync_common.runtime import HttpServer, Readiness, SystemClock, configure_logging, ops_app, run_service


async def serve() -> int:
    """Run the service until it is told to stop; return the exit status."""
    settings = Settings.from_environment()
    configure_logging(OAUTH_GATEWAY, settings.log_level)
    database = Database.from_url(
        settings.database_url.get_secret_value(),
        application_name=OAUTH_GATEWAY,
        pool_size=settings.database_pool_size,
    )
    await database.check_role()
    fetcher_http = make_client(
        base_url=settings.fetcher_url, token=settings.service_token.get_secret_value(), connections=50
    )
    gateway = Gateway(database, SystemClock(), FetcherClient(fetcher_http), shopify_app(settings))
    hub = Hub(gateway)
    site = Site(settings.public_url, settings.support_url, settings.shopify_url)
    producer = Producer(settings.kafka_bootstrap, OAUTH_GATEWAY)
    relay = OutboxRelay(database, outbox, producer, registry=REGISTRY)
    readiness = Readiness({"database": database.is_reachable})
    return await run_service(
        OAUTH_GATEWAY,
        tasks={"outbox": relay.run, "live": hub.run},
        servers=[
            HttpServer(create_app(gateway, site, hub), settings.http_host, settings.http_port),
            HttpServer(ops_app(REGISTRY, readiness), settings.ops_host, settings.ops_port),
        ],
        readiness=readiness,
        closers=[producer.stop, fetcher_http.aclose, database.close],
    )


def shopify_app(settings: Settings) -> ShopifyApp:
    """Return our app at Shopify."""
    return ShopifyApp(
        client_id=settings.client_id,
        client_secrets=[secret.get_secret_value() for secret in settings.client_secret],
        scopes=settings.scopes,
        shop_url=settings.shopify_url,
        redirect_uri=f"{settings.public_url}/auth/shopify/callback",
    )
