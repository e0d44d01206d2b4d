"""Builds the simulator from its settings and serves it."""

import uvicorn

from shopify_simulator.app import create_app
from shopify_simulator.settings import Settings
from shopify_simulator.state import Simulator


def main() -> None:
    """Serve until told to stop."""
    settings = Settings()
    app = create_app(Simulator(settings))
    uvicorn.run(
        app,
        host=settings.http_host,
        port=settings.http_port,
        log_level=settings.log_level,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
    )
