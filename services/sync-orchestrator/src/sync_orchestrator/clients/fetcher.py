"""shopify-fetcher's internal HTTP: record streams and reads by id."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec

from sync_common.contracts.envelope import to_rfc3339
from sync_common.contracts.resources import Resource
from sync_common.http import AnswerTooLarge, Client, HTTPError, Response, read_limited
from sync_orchestrator.clients.protocol import Line, LineSplitter
from sync_orchestrator.domain.checks import Scope
from sync_orchestrator.domain.mirror import IdRange
from sync_orchestrator.domain.planning import Lane, ReadMode
from sync_orchestrator.errors import FetcherRefused, StreamCut

Answer = TypeVar("Answer")

IDS_AT_ONCE_MAX: Final = 250  # what one nodes(ids:) query may ask for
ANSWER_BYTES_MAX: Final = 256 * 1024 * 1024
_ERROR_BYTES_MAX: Final = 64 * 1024
_CONNECT_SECONDS: Final = 5.0
_WRITE_SECONDS: Final = 10.0
_POOL_SECONDS: Final = 30.0
_AS_IS: Final = {"accept-encoding": "identity"}
_OK: Final = 200
_TOO_MANY_REQUESTS: Final = 429
_SERVER_ERROR: Final = 500


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """What to read for one part of a job."""

    installation_id: int
    resource: Resource
    mode: ReadMode
    lane: Lane
    job_id: int
    updated_since: datetime | None = None
    created_since: datetime | None = None
    created_until: datetime | None = None
    newest_first: bool = False
    cursor: str | None = None

    @property
    def path(self) -> str:
        """Return the path of the stream."""
        return f"/v1/installations/{self.installation_id}/records/{self.resource}"

    @property
    def query(self) -> dict[str, str]:
        """Return the query of the stream."""
        query: dict[str, str] = {"mode": self.mode, "lane": self.lane, "job_id": str(self.job_id)}
        if self.updated_since is not None:
            query["updated_since"] = to_rfc3339(self.updated_since)
        if self.created_since is not None:
            query["created_since"] = to_rfc3339(self.created_since)
        if self.created_until is not None:
            query["created_until"] = to_rfc3339(self.created_until)
        if self.newest_first:
            query["newest_first"] = "true"
        if self.cursor is not None:
            query["cursor"] = self.cursor
        return query


class FoundRecord(msgspec.Struct):
    """A record read by id."""

    id: str
    body: msgspec.Raw


class Nodes(msgspec.Struct):
    """The answer to a read by id: `gone` are proven deleted, `unseen` may only be hidden from us."""

    observed_at: datetime
    records: list[FoundRecord] = []
    gone: list[str] = []
    unseen: list[str] = []


class _Counts(msgspec.Struct):
    counts: list[int]


class ListedId(msgspec.Struct):
    """A record that a list names."""

    id: str
    created_at: datetime


class Listed(msgspec.Struct):
    """A page of ids in ascending order; where more follow, `next_first` is where they begin."""

    ids: list[ListedId]
    next_first: int | None = None


_UNNAMED: Final = "unnamed"


class _Problem(msgspec.Struct):
    code: str = _UNNAMED
    message: str = "The request was refused."
    retryable: bool = False


_NODES: Final = msgspec.json.Decoder(Nodes)
_COUNTS: Final = msgspec.json.Decoder(_Counts)
_LISTED: Final = msgspec.json.Decoder(Listed, strict=False)
_PROBLEM: Final = msgspec.json.Decoder(_Problem)


class Fetcher:
    """Reads through shopify-fetcher. Outages raise StreamCut, refusals FetcherRefused."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def records(self, request: ReadRequest) -> AsyncGenerator[Sequence[Line], None]:
        """Yield the lines of a record stream, as many at a time as have arrived."""
        splitter = LineSplitter()
        async with self._open("GET", request.path, params=request.query, silence_seconds=30) as response:
            async for chunk in response.aiter_bytes():
                yield list(splitter.lines(chunk))

    async def nodes(
        self,
        installation_id: int,
        resource: Resource,
        record_ids: Sequence[str],
        *,
        created_after: datetime | None = None,
    ) -> Nodes:
        """Read records by id, 250 at most. That none is older than an instant may make a null a proof."""
        wanted: dict[str, Any] = {"resource": resource, "ids": list(record_ids)}
        if created_after is not None:
            wanted["created_after"] = to_rfc3339(created_after)
        return await self._ask(installation_id, "nodes", wanted, _NODES)

    async def counts(self, installation_id: int, scope: Scope, ranges: Sequence[IdRange]) -> list[int]:
        """Return how many records of each range Shopify has, exactly."""
        wanted = {**_bounds(scope), "ranges": [[ids.first, ids.last] for ids in ranges]}
        counts = (await self._ask(installation_id, "counts", wanted, _COUNTS)).counts
        if len(counts) != len(ranges):
            raise StreamCut(f"the answer counts {len(counts)} ranges of {len(ranges)}")
        return counts

    async def ids(self, installation_id: int, scope: Scope, ids: IdRange) -> Listed:
        """Return the first ids of a range that Shopify has, 250 at most."""
        wanted = {**_bounds(scope), "first": ids.first, "last": ids.last}
        return await self._ask(installation_id, "ids", wanted, _LISTED)

    async def _ask(
        self, installation_id: int, what: str, wanted: dict[str, Any], decoder: msgspec.json.Decoder[Answer]
    ) -> Answer:
        path = f"/v1/installations/{installation_id}/{what}"
        # What is not urgent may wait for its share of the budget.
        async with self._open("POST", path, json=wanted, silence_seconds=120) as response:
            answer = await read_limited(response, ANSWER_BYTES_MAX)
        try:
            return decoder.decode(answer)
        except msgspec.MsgspecError as error:
            raise StreamCut(f"the answer cannot be read: {type(error).__name__}") from None

    @asynccontextmanager
    async def _open(
        self, method: str, path: str, *, silence_seconds: float, **content: Any
    ) -> AsyncIterator[Response]:
        timeout = (_CONNECT_SECONDS, silence_seconds, _WRITE_SECONDS, _POOL_SECONDS)
        request = self._client.build_request(method, path, headers=_AS_IS, timeout=timeout, **content)
        try:
            response = await self._client.send(request, stream=True)
            try:
                if response.status_code != _OK:
                    raise _refusal(response.status_code, await read_limited(response, _ERROR_BYTES_MAX))
                yield response
            finally:
                await response.aclose()
        except (HTTPError, AnswerTooLarge) as error:
            raise StreamCut(f"the fetcher's answer broke: {type(error).__name__}") from None


def _bounds(scope: Scope) -> dict[str, Any]:
    since = None if scope.created_since is None else to_rfc3339(scope.created_since)
    return {
        "resource": scope.resource,
        "created_since": since,
        "created_until": to_rfc3339(scope.created_until),
    }


def _refusal(status: int, body: bytes) -> FetcherRefused | StreamCut:
    """Turn an error answer into what it calls for: 5xx and 429 are outages, the rest is final."""
    if status >= _SERVER_ERROR or status == _TOO_MANY_REQUESTS:
        return StreamCut(f"the fetcher answered {status}")
    try:
        problem = _PROBLEM.decode(body)
    except msgspec.MsgspecError:
        problem = _Problem()
    # What names no reason was not said by the fetcher, but by something between: it may pass.
    retryable = problem.retryable or problem.code == _UNNAMED
    return FetcherRefused(problem.code, problem.message, retryable=retryable)
