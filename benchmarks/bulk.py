"""Joining a bulk file against reading its lines as JSON and no more: what bounded memory costs."""

import random
from pathlib import Path

import msgspec
import psutil
from rich.console import Console

from benchmarks.measure import Cost, measured, middle, table
from local_stack.repository import scratch_folder
from shopify_fetcher.reading.spool import Spool
from sync_common.contracts.resources import Resource

LINES = 1_000_000
CHILDREN_PER_RECORD = 4
ROUNDS = 3
TEXT = "x" * 300


def run(console: Console) -> None:
    """Print the lines per second of both, and the memory that the join took."""
    with scratch_folder("bench-bulk") as folder:
        shown = table(
            f"bulk: {LINES:,} lines, every child behind every record, median of {ROUNDS} rounds",
            "", "MiB", "JSON lines/s", "joined lines/s", "ratio", "memory MiB",
        )  # fmt: skip
        for name, is_shuffled in (("children in order", False), ("children shuffled", True)):
            file = folder / "file.jsonl"
            write_file(file, is_shuffled=is_shuffled)
            rounds = [(_read(file), _join(file)) for _ in range(ROUNDS)]
            read, joined = middle([one for one, _ in rounds]), middle([one for _, one in rounds])
            held = psutil.Process().memory_info().rss
            shown.add_row(
                name, f"{file.stat().st_size >> 20:,}", f"{read.per_second:,.0f}", f"{joined.per_second:,.0f}",
                f"{joined.per_second / read.per_second:.2f}", f"{held >> 20}",
            )  # fmt: skip
    console.print(shown)


def write_file(path: Path, *, is_shuffled: bool) -> None:
    """Write records, then all of their children."""
    records = LINES // (1 + CHILDREN_PER_RECORD)
    order = list(range(LINES - records))
    if is_shuffled:
        random.Random(1).shuffle(order)  # noqa: S311
    encode = msgspec.json.Encoder().encode
    with path.open("wb") as file:
        for number in range(records):
            file.write(
                encode({"__typename": "Order", "id": f"gid://shopify/Order/{number}", "note": TEXT}) + b"\n"
            )
        for number in order:
            parent = f"gid://shopify/Order/{number % records}"
            child = {"__typename": "LineItem", "id": f"gid://shopify/LineItem/{number}", "title": TEXT}
            file.write(encode({**child, "__parentId": parent}) + b"\n")


def _read(file: Path) -> Cost:
    decode = msgspec.json.Decoder().decode
    with measured(LINES) as cost, file.open("rb") as lines:
        for line in lines:
            decode(line)
    return cost


def _join(file: Path) -> Cost:
    with measured(LINES) as cost, scratch_folder("bench-parts") as folder:
        spool = Spool(folder, file.stat().st_size)
        spool.fill_from(file)
        for _ in spool.batches(Resource.ORDERS):
            pass
    return cost
