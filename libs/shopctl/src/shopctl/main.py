"""Build the command line: one group of commands per thing that operators work on."""

import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
import typer

from shopctl.commands import dlq, keys
from shopctl.desk import Desk
from shopctl.errors import ShopctlError
from shopctl.keys import Keys, OpenKeys
from shopctl.settings import Settings
from shopctl.trail import Trail
from sync_common.bus import Producer, Reader
from sync_common.contracts.topics import SHOPCTL
from sync_common.http import make_client
from sync_common.runtime import SystemClock

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Operate Shopsync. Settings come from the environment, with the prefix SHOPCTL_.",
)
app.add_typer(dlq.app, name="dlq")
app.add_typer(keys.app, name="keys")


@dataclass(frozen=True)
class Tools:
    """What commands may open; each opens what it needs."""

    open_desk: dlq.OpenDesk
    open_keys: OpenKeys


@app.callback()
def begin(context: typer.Context) -> None:
    """Let the chosen command open what it works at."""
    context.obj = Tools(open_desk, open_keys)


@asynccontextmanager
async def open_desk() -> AsyncIterator[Desk]:
    """Give the dead-letter desk, connected to Kafka."""
    settings = Settings.from_environment()
    if not settings.kafka_bootstrap:
        raise ShopctlError("SHOPCTL_KAFKA_BOOTSTRAP is not set")
    producer, clock = Producer(settings.kafka_bootstrap, SHOPCTL), SystemClock()
    async with Reader(settings.kafka_bootstrap, SHOPCTL) as reader:
        try:
            yield Desk(reader, producer, Trail(reader, producer, clock), clock)
        finally:
            await producer.stop()


@asynccontextmanager
async def open_keys() -> AsyncIterator[Keys]:
    """Give the keys, connected to the fetcher."""
    settings = Settings.from_environment()
    token = settings.service_token.get_secret_value()
    if not settings.fetcher_url or not token:
        raise ShopctlError("SHOPCTL_FETCHER_URL and SHOPCTL_SERVICE_TOKEN are not both set")
    async with make_client(base_url=settings.fetcher_url, token=token) as client:
        yield Keys(client)


def main() -> None:
    """Run the command line; what libraries have to say is left to the errors of the commands."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    app(prog_name=SHOPCTL)
