"""Build the command line: one group of commands per thing that operators work on."""

import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
import typer

from shopctl.commands import dlq
from shopctl.desk import Desk
from shopctl.settings import Settings
from shopctl.trail import Trail
from sync_common.bus import Producer, Reader
from sync_common.contracts.topics import SHOPCTL
from sync_common.runtime import SystemClock

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Operate Shopsync. Settings come from the environment, with the prefix SHOPCTL_.",
)
app.add_typer(dlq.app, name="dlq")


@app.callback()
def begin(context: typer.Context) -> None:
    """Let the chosen command open what it works at."""
    context.obj = open_desk


@asynccontextmanager
async def open_desk() -> AsyncIterator[Desk]:
    """Give the dead-letter desk, connected to Kafka."""
    settings = Settings.from_environment()
    producer, clock = Producer(settings.kafka_bootstrap, SHOPCTL), SystemClock()
    async with Reader(settings.kafka_bootstrap, SHOPCTL) as reader:
        try:
            yield Desk(reader, producer, Trail(reader, producer, clock), clock)
        finally:
            await producer.stop()


def main() -> None:
    """Run the command line; what libraries have to say is left to the errors of the commands."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    app(prog_name=SHOPCTL)
