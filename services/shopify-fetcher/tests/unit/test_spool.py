"""A bulk file joined in bounded memory, its children far from their parents."""

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from shopify_fetcher.domain import bulk_lines
from shopify_fetcher.errors import BulkFailed
from shopify_fetcher.reading import spool
from shopify_fetcher.reading.spool import Spool
from sync_common.contracts.resources import Resource

CHILDREN_PER_RECORD = 4
NOTE = "x" * 300

JOIN = """
import re, sys
from pathlib import Path
from shopify_fetcher.reading.spool import Spool
from sync_common.contracts.resources import Resource

file, folder = map(Path, sys.argv[1:])
spool = Spool(folder, file.stat().st_size)
spool.fill_from(file)
records = children = 0
for batch in spool.batches(Resource.ORDERS):
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


def read(spooled: Spool, content: bytes, *, chunk_bytes: int = 10_000) -> list[tuple[str, bytes]]:
    """Give the spool a file in pieces, as a download does; return the records."""
    with spooled.filled() as take:
        for at in range(0, len(content), chunk_bytes):
            take(content[at : at + chunk_bytes])
    return [record for batch in spooled.batches(Resource.ORDERS) for record in batch]


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
    file, folder = tmp_path / "file.jsonl", tmp_path / "parts"
    folder.mkdir()
    records = write_file(file, lines)

    joined = subprocess.run(
        [sys.executable, "-c", JOIN, str(file), str(folder)], capture_output=True, check=True
    )

    found, children, kibibytes = map(int, joined.stdout.split())
    print(f"{lines:,} lines, {file.stat().st_size >> 20} MiB: {kibibytes >> 10} MiB of memory")
    assert (found, children) == (records, records * CHILDREN_PER_RECORD)
    assert kibibytes < mebibytes_max * 1024


@pytest.mark.parametrize("told", ["its size", "no size"])
def test_file_too_large_for_its_parts_is_cut_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    """The parts of a file of many gigabytes grew with it, and so did the memory that a part takes."""
    monkeypatch.setattr(spool, "PARTS_MAX", 4)
    file, sizes = tmp_path / "file.jsonl", []
    records = write_file(file, 5_000)

    def join(lines: Iterable[bytes], resource: Resource) -> Iterator[tuple[str, bytes]]:
        held = list(lines)
        sizes.append(sum(map(len, held)))
        return bulk_lines.join(held, resource)

    monkeypatch.setattr(spool, "join", join)
    content = file.read_bytes()
    part_bytes = len(content) // 64

    def ids(folder: Path) -> list[str]:
        folder.mkdir()
        spooled = Spool(folder, len(content) if told == "its size" else 0, part_bytes=part_bytes)
        found = [gid for gid, _ in read(spooled, content)]
        assert [path for path in folder.rglob("*") if path.is_file()] == []
        return found

    found = ids(tmp_path / "first")

    assert ids(tmp_path / "second") == found
    assert len(found) == len(set(found)) == records
    assert max(sizes) <= 2 * part_bytes


def test_lines_are_whole_however_the_file_comes(tmp_path: Path) -> None:
    write_file(tmp_path / "file.jsonl", 100)
    content = (tmp_path / "file.jsonl").read_bytes()

    def records(chunk_bytes: int) -> list[tuple[str, bytes]]:
        spooled = Spool(tmp_path, len(content), part_bytes=10_000)
        found = read(spooled, content, chunk_bytes=chunk_bytes)
        assert spooled.lines == 100
        return found

    assert records(1) == records(7) == records(997) == records(len(content))


@pytest.mark.parametrize("part_bytes", [100, 1_000_000], ids=["parts", "one part"])
def test_file_that_ends_in_half_a_line_is_not_whole(tmp_path: Path, part_bytes: int) -> None:
    write_file(tmp_path / "file.jsonl", 100)
    content = (tmp_path / "file.jsonl").read_bytes()[:-10]

    with pytest.raises(BulkFailed):
        read(Spool(tmp_path, len(content), part_bytes=part_bytes), content)


def test_line_without_an_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be held in memory until it ended."""
    monkeypatch.setattr(spool, "LINE_BYTES_MAX", 1_000)
    taken = []

    def endless(take: Callable[[bytes], None]) -> None:
        for _ in range(100):
            take(b"x" * 100)
            taken.append(100)

    with pytest.raises(BulkFailed, match="longer than allowed"), Spool(tmp_path, 0).filled() as take:
        endless(take)

    assert sum(taken) == 1_000
