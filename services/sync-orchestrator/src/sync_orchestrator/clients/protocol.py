"""The lines of the fetcher's record stream. Bodies stay the bytes they were: nothing here writes JSON."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

import msgspec

from sync_common.contracts.topics import MAX_MESSAGE_BYTES
from sync_orchestrator.errors import StreamCut

LINE_BYTES_MAX: Final = 2 * MAX_MESSAGE_BYTES


class Total(msgspec.Struct, tag="total"):
    """How many records there are to read."""

    count: int


class Started(msgspec.Struct, tag="started"):
    """When the read began, by Shopify's clock."""

    observed_at: datetime
    shopify_time: datetime | None = None


class Record(msgspec.Struct, tag="record"):
    """One record as Shopify wrote it."""

    id: str
    observed_at: datetime
    body: msgspec.Raw


class Page(msgspec.Struct, tag="page"):
    """A safe point: a later read may resume after it."""

    cursor: str
    count: int = 0


class Throttled(msgspec.Struct, tag="throttled"):
    """Shopify's rate limit holds the read back."""

    resume_in: float


class Ping(msgspec.Struct, tag="ping"):
    """The fetcher is alive and waits for Shopify."""

    objects: int | None = None


class Finished(msgspec.Struct, tag="done"):
    """The read is complete: `count` root records in all."""

    count: int
    objects: int | None = None


class Failed(msgspec.Struct, tag="failed"):
    """The read cannot go on."""

    code: str
    message: str
    retryable: bool


Line = Total | Started | Record | Page | Throttled | Ping | Finished | Failed

_DECODER: Final[msgspec.json.Decoder[Line]] = msgspec.json.Decoder(Line)


class LineSplitter:
    """Cuts a byte stream into lines and decodes them, a chunk at a time."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def lines(self, chunk: bytes) -> Iterator[Line]:
        """Yield the lines that are complete with this chunk; raise StreamCut for what is no line of ours."""
        if b"\n" not in chunk:
            self._keep(chunk)
            return
        head, _, tail = chunk.rpartition(b"\n")
        complete = bytes(self._rest) + head
        self._rest.clear()
        self._keep(tail)
        for line in complete.split(b"\n"):
            if line:
                yield _decode(line)

    def _keep(self, piece: bytes) -> None:
        self._rest += piece
        if len(self._rest) > LINE_BYTES_MAX:
            raise StreamCut(f"a line is longer than {LINE_BYTES_MAX} bytes")


def _decode(line: bytes) -> Line:
    try:
        return _DECODER.decode(line)
    except msgspec.MsgspecError as error:
        raise StreamCut(f"a line cannot be read: {type(error).__name__}") from None
