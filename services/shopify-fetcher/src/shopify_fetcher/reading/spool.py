"""A bulk file on disk, joined in bounded memory: spooled by record into parts, then one part at a time."""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Final

from shopify_fetcher.domain.bulk_lines import join, partition_of, root_id
from sync_common.contracts.resources import Resource

PART_BYTES: Final = 16 * 1024 * 1024
PARTS_MAX: Final = 256
BATCH_RECORDS: Final = 500

Batch = list[tuple[str, bytes]]


def batches(file: Path, resource: Resource, *, part_bytes: int = PART_BYTES) -> Iterator[Batch]:
    """Yield the file's records in batches; the order is the same each time, so a count is a safe place to resume."""
    for part in _parts(file, part_bytes):
        with part.open("rb") as lines:
            records = join((line for line in lines if line.strip()), resource)
            while batch := list(islice(records, BATCH_RECORDS)):
                yield batch
        if part != file:
            part.unlink()


def _parts(file: Path, part_bytes: int) -> list[Path]:
    size = file.stat().st_size
    if size <= part_bytes:
        return [file]
    paths = [file.with_suffix(f".{number}") for number in range(min(PARTS_MAX, -(-size // part_bytes)))]
    with ExitStack() as stack, file.open("rb") as lines:
        parts = [stack.enter_context(path.open("wb")) for path in paths]
        for line in lines:
            if line.strip():
                parts[partition_of(root_id(line), len(parts))].write(line)
    return paths
