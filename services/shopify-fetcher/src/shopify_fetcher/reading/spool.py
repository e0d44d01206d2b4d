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
PASSED_MAX: Final = 2**24  # the hash has 32 bits; a record alone may be larger than a part
SPARE: Final = 2
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


def _parts(file: Path, part_bytes: int, passed: int = 1) -> Iterator[Path]:
    """Yield files that fit into memory and hold each record with all its children."""
    size = file.stat().st_size
    if size <= part_bytes or passed > PASSED_MAX:
        yield file
        return
    parts = _spooled(file, min(PARTS_MAX, -(-size // part_bytes)), passed)
    if passed > 1:
        file.unlink()
    for part in parts:
        # Half of the parts are a little above their share: only a file too large for PARTS_MAX is cut once more.
        yield from _parts(part, SPARE * part_bytes if passed == 1 else part_bytes, passed * len(parts))


def _spooled(file: Path, count: int, passed: int) -> list[Path]:
    paths = [file.with_name(f"{file.name}.{number}") for number in range(count)]
    with ExitStack() as stack, file.open("rb") as lines:
        parts = [stack.enter_context(path.open("wb")) for path in paths]
        for line in lines:
            if line.strip():
                parts[partition_of(root_id(line), count, passed=passed)].write(line)
    return paths
