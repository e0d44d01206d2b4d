"""The lines of a record stream, and the channel between who reads Shopify and who writes the HTTP answer."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final

import msgspec
import structlog

from shopify_fetcher.domain import cursor as cursors
from shopify_fetcher.domain.cursor import Cursor
from shopify_fetcher.domain.shop import numeric_id
from shopify_fetcher.errors import FetcherError
from sync_common.contracts.envelope import to_rfc3339

PING_SECONDS: Final = 5.0
QUEUED_CHUNKS_MAX: Final = 4

log = structlog.get_logger()


class _Total(msgspec.Struct, tag="total", tag_field="type"):
    count: int


class _Started(msgspec.Struct, tag="started", tag_field="type"):
    observed_at: str
    shopify_time: str


class _Page(msgspec.Struct, tag="page", tag_field="type"):
    cursor: str
    count: int


class _Throttled(msgspec.Struct, tag="throttled", tag_field="type"):
    resume_in: float


class _Ping(msgspec.Struct, tag="ping", tag_field="type", omit_defaults=True):
    objects: int | None = None


class _Done(msgspec.Struct, tag="done", tag_field="type"):
    count: int
    objects: int | None


class _Failed(msgspec.Struct, tag="failed", tag_field="type"):
    code: str
    message: str
    retryable: bool


_Line = _Total | _Started | _Page | _Throttled | _Ping | _Done | _Failed


class Lines:
    """Where a reader puts what it reads. Putting waits while the caller is slow: that is the back-pressure."""

    def __init__(self) -> None:
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue(QUEUED_CHUNKS_MAX)
        self.progress: int | None = None

    async def total(self, count: int) -> None:
        """Say how many records there are."""
        await self._put(_Total(count))

    async def started(self, observed_at: datetime, shopify_time: datetime) -> None:
        """Say when reading began, by Shopify's clock."""
        await self._put(_Started(to_rfc3339(observed_at), to_rfc3339(shopify_time)))

    async def page(self, records: Sequence[tuple[str, bytes]], observed_at: datetime, cursor: Cursor) -> None:
        """Hand over records as (gid, body), then the safe point after them."""
        observed = to_rfc3339(observed_at).encode()
        chunk = [
            b'{"type":"record","id":"%b","observed_at":"%b","body":%b}\n'
            % (numeric_id(gid).encode(), observed, body)
            for gid, body in records
        ]
        chunk.append(_encoded(_Page(cursors.encode(cursor), len(records))))
        await self._chunks.put(b"".join(chunk))

    async def throttled(self, seconds: float) -> None:
        """Say that reading waits for Shopify."""
        await self._put(_Throttled(round(seconds, 1)))

    async def done(self, count: int, objects: int | None) -> None:
        """Say that this part was read to its end."""
        await self._put(_Done(count, objects))

    async def failed(self, error: FetcherError) -> None:
        """Say why reading ended early."""
        await self._put(_Failed(error.code, str(error), error.retryable))

    async def end(self) -> None:
        """Nothing follows."""
        await self._chunks.put(None)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield what was put, and a ping after every silence."""
        while True:
            try:
                async with asyncio.timeout(PING_SECONDS):
                    chunk = await self._chunks.get()
            except TimeoutError:
                yield _encoded(_Ping(self.progress))
                continue
            if chunk is None:
                return
            yield chunk

    async def _put(self, line: _Line) -> None:
        await self._chunks.put(_encoded(line))


def _encoded(line: _Line) -> bytes:
    return msgspec.json.encode(line) + b"\n"


async def stream(read: Callable[[Lines], Awaitable[None]]) -> AsyncGenerator[bytes, None]:
    """Run a reader and yield its lines; when the caller goes away the reader is stopped."""
    lines = Lines()
    reader = asyncio.create_task(_run(read, lines))
    try:
        async for chunk in lines.chunks():
            yield chunk
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)


async def _run(read: Callable[[Lines], Awaitable[None]], lines: Lines) -> None:
    try:
        await read(lines)
    except FetcherError as error:
        log.warning("stream_failed", code=error.code, reason=str(error))
        await lines.failed(error)
    except Exception:
        # Ends without a word, as a cut line does: the caller asks again from its cursor instead of giving up.
        log.exception("stream_broke")
    await lines.end()
