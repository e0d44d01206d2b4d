"""`python -m benchmarks [bus] [writer] [sync]`: all of them when none is named."""

import logging
import sys
from collections.abc import Callable

from rich.console import Console

from benchmarks import bus, sync, writer
from benchmarks.measure import machine
from sync_common.runtime import configure_logging

BENCHMARKS: dict[str, Callable[[Console], None]] = {"bus": bus.run, "writer": writer.run, "sync": sync.run}


def main(names: list[str]) -> int:
    """Run the named benchmarks; return the exit status."""
    console = Console(width=None if sys.stdout.isatty() else 110)
    unknown = set(names) - BENCHMARKS.keys()
    if unknown:
        console.print(f"No such benchmark: {', '.join(sorted(unknown))}. There are {', '.join(BENCHMARKS)}.")
        return 2
    configure_logging("benchmarks", "error")
    logging.disable(logging.ERROR)  # aiokafka's: a broker that has just started says "not yet" for a moment
    console.print(machine())
    for name in names or BENCHMARKS:
        BENCHMARKS[name](console)
        console.print(machine())
    return 0


sys.exit(main(sys.argv[1:]))
