"""`python -m benchmarks [name …]`: all of them when none is named; `--help` lists them."""

import argparse
import logging
import sys
from collections.abc import Callable

from rich.console import Console

from benchmarks import bulk, bus, indexes, ingest, lanes, peers, sync, writer
from benchmarks.measure import machine
from sync_common.runtime import configure_logging

BENCHMARKS: dict[str, Callable[[Console, argparse.Namespace], None]] = {
    "bus": lambda console, _: bus.run(console),
    "bulk": lambda console, _: bulk.run(console),
    "ingest": lambda console, _: ingest.run(console),
    "writer": lambda console, asked: writer.run(console, sizes=asked.rows),
    "lanes": lambda console, asked: lanes.run(console, sync_records=asked.sync_records),
    "indexes": lambda console, _: indexes.run(console),
    "sync": lambda console, asked: sync.run(console, sizes=asked.records or sync.SIZES),
    "peers": lambda console, asked: peers.run(console, sizes=asked.records or peers.SIZES),
}


def main() -> int:
    """Run the named benchmarks; return the exit status."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument(
        "--rows", type=_numbers, default=[100_000], help="sizes of the writer's tables: 100000,1000000"
    )
    parser.add_argument(
        "--sync-records", type=int, default=lanes.SYNC_RECORDS, help="size of the sync beside the live lane"
    )
    parser.add_argument(
        "--records", type=_numbers, help="sizes of the shops that `sync` and `peers` read: 10000,100000"
    )
    asked = parser.parse_args()
    if unknown := set(asked.names) - BENCHMARKS.keys():
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    console = Console(width=None if sys.stdout.isatty() else 140)
    configure_logging("benchmarks", "error")
    logging.disable(logging.ERROR)  # aiokafka's: a broker that has just started says "not yet" for a moment
    console.print(machine())
    for name in asked.names or BENCHMARKS:
        BENCHMARKS[name](console, asked)
        console.print(machine())
    return 0


def _numbers(text: str) -> list[int]:
    return [int(one) for one in text.split(",")]


sys.exit(main())
