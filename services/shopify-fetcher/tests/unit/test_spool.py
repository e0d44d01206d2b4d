"""A bulk file joined in bounded memory, its children far from their parents."""

import json
import random
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from shopify_fetcher.domain import bulk_lines
from shopify_fetcher.reading import spool
from sync_common.contracts.resources import Resource

CHILDREN_PER_RECORD = 4
NOTE = "x" * 300

JOIN = """
import re, sys
from pathlib import Path
from shopify_fetcher.reading.spool import batches
from sync_common.contracts.resources import Resource

records = children = 0
for batch in batches(Path(sys.argv[1]), Resource.ORDERS):
    records += len(batch)
    children += sum(body.count(b'"title"') for _, body in batch)
# What getrusage tells begins with what the parent held when it forked.
print(records, children, re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


def write_file(path: Path, lines: int) -> int:
    """Write so many lines, every child behind every record and in no order; return how many are records."""
    records = lines // (1 + CHILDREN_PER_RECORD)
    order = list(range(records * CHILDREN_PER_RECORD))
    random.Random(1).shuffle(order)
    with path.open("w") as file:
        for number in range(records):
            gid = f"gid://shopify/Order/{number}"
            file.write(json.dumps({"__typename": "Order", "id": gid, "note": NOTE}) + "\n")
        for number in order:
            child = {"__typename": "LineItem", "id": f"gid://shopify/LineItem/{number}", "title": NOTE}
            child["__parentId"] = f"gid://shopify/Order/{number % records}"
            file.write(json.dumps(child) + "\n")
    return records


@pytest.mark.parametrize(
    ("lines", "mebibytes_max"),
    [
        (100_000, 128),
        pytest.param(1_000_000, 256, marks=[pytest.mark.soak, pytest.mark.timeout(600)]),
    ],
)
def test_children_far_from_their_parents_are_joined_in_bounded_memory(
    tmp_path: Path, lines: int, mebibytes_max: int
) -> None:
    file = tmp_path / "file.jsonl"
    records = write_file(file, lines)

    joined = subprocess.run([sys.executable, "-c", JOIN, str(file)], capture_output=True, check=True)

    found, children, kibibytes = map(int, joined.stdout.split())
    print(f"{lines:,} lines, {file.stat().st_size >> 20} MiB: {kibibytes >> 10} MiB of memory")
    assert (found, children) == (records, records * CHILDREN_PER_RECORD)
    assert kibibytes < mebibytes_max * 1024


def test_file_too_large_for_its_parts_is_cut_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parts of a file of many gigabytes grew with it, and so did the memory that a part takes."""
    monkeypatch.setattr(spool, "PARTS_MAX", 4)
    file, sizes = tmp_path / "file.jsonl", []
    records = write_file(file, 5_000)

    def join(lines: Iterable[bytes], resource: Resource) -> Iterator[tuple[str, bytes]]:
        held = list(lines)
        sizes.append(sum(map(len, held)))
        return bulk_lines.join(held, resource)

    monkeypatch.setattr(spool, "join", join)
    part_bytes = file.stat().st_size // 64

    found = [gid for batch in spool.batches(file, Resource.ORDERS, part_bytes=part_bytes) for gid, _ in batch]

    again = [gid for batch in spool.batches(file, Resource.ORDERS, part_bytes=part_bytes) for gid, _ in batch]
    assert len(found) == len(set(found)) == records
    assert again == found
    assert max(sizes) <= 2 * part_bytes
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
