"""How every command runs, and how it says that it could not."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, NoReturn, TypeVar

import typer

from shopctl.commands import text
from shopctl.errors import AskedWrongly, ShopctlError
from sync_common.bus import BusError

T = TypeVar("T")

USAGE: Final = 2
"""Exit status of a command that was asked wrongly."""


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's work; errors that we know become one line."""
    try:
        return asyncio.run(work)
    except AskedWrongly as error:
        fail(str(error), USAGE)
    except (ShopctlError, BusError) as error:
        fail(str(error), 1)


def fail(message: str, status: int) -> NoReturn:
    """Say what is wrong and exit with this status."""
    typer.echo(f"shopctl: {text.visible(message)}", err=True)
    raise typer.Exit(status)
