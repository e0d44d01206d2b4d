"""A bulk file on disk, joined in bounded memory: spooled by record into parts as it comes, then joined part by part."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

from shopify_fetcher.domain.bulk_lines import join, partition_of, root_id
from shopify_fetcher.errors import BulkFailed
from sync_common.contracts.resources import Resource

PART_BYTES: Final = 16 * 1024 * 1024
PARTS_MAX: Final = 128  # each is an open file, and a buffer
BUFFER_BYTES: Final = 128 * 1024
PASSED_MAX: Final = 2**24  # the hash has 32 bits; a record alone may be larger than a part
SPARE: Final = 2  # about half of the parts are a little above their share
LINE_BYTES_MAX: Final = 64 * 1024 * 1024
BATCH_RECORDS: Final = 500
CHUNK_BYTES: Final = 1024 * 1024

Batch = list[tuple[str, bytes]]


class Spool:
    """Takes a file piece by piece and keeps each record in one part with all its children.

    For the same file and size the records come in the same order each time, so a count is a safe place to resume.
    """

    def __init__(self, folder: Path, size: int, *, part_bytes: int = PART_BYTES, passed: int = 1) -> None:
        """Prepare for a file of about `size` bytes; parts that grow too large are cut again."""
        count = max(1, min(PARTS_MAX, -(-size // part_bytes)))
        self._paths = [folder / str(number) for number in range(count)]
        self._files: list[BinaryIO] = []
        self._rest = b""
        self._part_bytes = part_bytes
        self._passed = passed
        self.lines = 0

    @contextmanager
    def filled(self) -> Iterator[Callable[[bytes], None]]:
        """Give what takes the file's pieces; raise BulkFailed where a line cannot be read, never ends, or is cut."""
        with ExitStack() as opened:
            self._files = [opened.enter_context(path.open("wb", BUFFER_BYTES)) for path in self._paths]
            yield self._take
            self._place(self._rest)

    def fill_from(self, file: Path) -> None:
        """Take a file that lies on disk."""
        with file.open("rb") as chunks, self.filled() as take:
            while chunk := chunks.read(CHUNK_BYTES):
                take(chunk)

    def batches(self, resource: Resource) -> Iterator[Batch]:
        """Yield the records, and delete the parts that they were in."""
        for path in self._paths:
            if path.stat().st_size > SPARE * self._part_bytes and self._passed <= PASSED_MAX:
                yield from self._cut_again(path).batches(resource)
            else:
                with path.open("rb") as lines:
                    records = join(lines, resource)
                    while batch := list(islice(records, BATCH_RECORDS)):
                        yield batch
                path.unlink()

    def _take(self, chunk: bytes) -> None:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > LINE_BYTES_MAX:
            raise BulkFailed("a line of the bulk file is longer than allowed")
        for line in lines:
            self._place(line)

    def _place(self, line: bytes) -> None:
        if not line.strip():
            return
        count = len(self._files)
        at = partition_of(root_id(line), count, passed=self._passed) if count > 1 else 0
        self._files[at].write(line + b"\n")
        self.lines += 1

    def _cut_again(self, part: Path) -> "Spool":
        folder = part.with_suffix(".parts")
        folder.mkdir()
        smaller = Spool(
            folder,
            part.stat().st_size,
            part_bytes=self._part_bytes,
            passed=self._passed * len(self._paths),
        )
        smaller.fill_from(part)
        part.unlink()
        return smaller
