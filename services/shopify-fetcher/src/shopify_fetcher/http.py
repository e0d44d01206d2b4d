"""The internal HTTP interface: install, connect and disconnect stores, stream records, read by id, count."""

import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import ceil
from typing import Annotated, Any, Self

import msgspec
from fastapi import Depends, FastAPI, Header, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import AwareDatetime, BaseModel, Field, model_validator

from shopify_fetcher.access.rotation import KeyRotation
from shopify_fetcher.access.session import Access
from shopify_fetcher.connections import Connector
from shopify_fetcher.disconnections import Disconnector
from shopify_fetcher.domain import cursor as cursors
from shopify_fetcher.domain.budget import Lane
from shopify_fetcher.domain.search import Window
from shopify_fetcher.domain.slices import IdRange
from shopify_fetcher.errors import (
    FetcherError,
    NotFound,
    ScopesMissing,
    ShopGone,
    ShopUnavailable,
    ShopUnreachable,
    Throttled,
    TooLarge,
    Transient,
    Unauthorized,
)
from shopify_fetcher.reading import lines
from shopify_fetcher.reading.counts import COUNTS_MAX, counted
from shopify_fetcher.reading.ids import read_ids
from shopify_fetcher.reading.nodes import read_nodes
from shopify_fetcher.reading.reader import Mode, Reader, Wish
from shopify_fetcher.store import installations
from shopify_fetcher.store.installations import Installation
from sync_common.contracts.envelope import to_rfc3339
from sync_common.contracts.resources import Resource
from sync_common.db import Database

BODY_BYTES_MAX = 64 * 1024
_STATUS = {
    "unauthorized": 401,
    "not_found": 404,
    "too_large": 413,
    "code_refused": 422,
    "claim_refused": 422,
    "shop_mismatch": 422,
    "scopes_missing": 422,
    "bad_cursor": 422,
}


RecordNumber = Annotated[int, Field(ge=0, lt=2**63)]


class InstallRequest(BaseModel):
    """A merchant has consented at Shopify, and it is not known yet for which advertiser."""

    shop_domain: str = Field(max_length=255)
    code: str = Field(min_length=1, max_length=1024)


class InstallAnswer(BaseModel):
    """What was installed, and what connects a store to it within the hour."""

    installation_id: int
    shop_domain: str
    shop_name: str
    claim: str


class ConnectRequest(BaseModel):
    """A merchant has consented: connect the store, by the code or by the claim of an installation."""

    store_id: int = Field(gt=0)
    advertiser_id: int = Field(gt=0)
    user_id: int | None = None
    shop_domain: str = Field(max_length=255)
    code: str | None = Field(default=None, min_length=1, max_length=1024)
    claim: str | None = Field(default=None, min_length=1, max_length=128)

    @model_validator(mode="after")
    def _has_one_proof(self) -> Self:
        if (self.code is None) == (self.claim is None):
            raise ValueError("give exactly one of code and claim")
        return self


class ConnectAnswer(BaseModel):
    """What was connected."""

    installation_id: int
    shop_domain: str
    shop_name: str
    access_scopes: list[str]


class DisconnectRequest(BaseModel):
    """Whose store is to be disconnected."""

    advertiser_id: int = Field(gt=0)


class NodesRequest(BaseModel):
    """Which records are to be read by id; where `created_after` is given, all of them were created after it."""

    resource: Resource
    ids: list[Annotated[str, Field(pattern=r"^[0-9]{1,20}$")]] = Field(min_length=1, max_length=250)
    created_after: AwareDatetime | None = None


class CreatedWindow(BaseModel):
    """Records of one resource by when they were created, bounds included."""

    resource: Resource
    created_since: AwareDatetime | None = None
    created_until: AwareDatetime | None = None
    lane: Lane = Lane.INCREMENTAL

    def window(self, first: int | None, last: int | None) -> Window:
        """Return what of it lies between two ids."""
        return Window(
            created_since=self.created_since, created_until=self.created_until, ids=IdRange(first, last)
        )


class CountsRequest(CreatedWindow):
    """Which records are to be counted, by ranges of ids; null leaves a range open."""

    ranges: list[tuple[RecordNumber | None, RecordNumber | None]] = Field(
        default=[(None, None)], min_length=1, max_length=COUNTS_MAX
    )


class IdsRequest(CreatedWindow):
    """From which id to which the ids are to be listed; null leaves an end open."""

    first: RecordNumber | None = None
    last: RecordNumber | None = None


class RotateRequest(BaseModel):
    """From where on data keys are to be wrapped anew."""

    after: int = Field(default=0, ge=0)


def make_app(
    database: Database,
    access: Access,
    connector: Connector,
    disconnector: Disconnector,
    reader: Reader,
    keys: KeyRotation,
    *,
    service_token: str,
) -> FastAPI:
    """Build the app; every route asks for the service token."""
    expected = service_token.encode()

    async def check_token(authorization: Annotated[str, Header()] = "") -> None:
        scheme, _, given = authorization.partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.encode(), expected):
            raise Unauthorized("the service token is missing or wrong")

    async def check_size(request: Request) -> None:
        length = request.headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > BODY_BYTES_MAX:
            raise TooLarge("the request is too large")

    async def installation(installation_id: Annotated[int, Path(gt=0)]) -> Installation:
        async with database.transaction() as tx:
            found = await installations.find(tx, installation_id)
        if found is None:
            raise NotFound("there is no such installation")
        return found

    FoundInstallation = Annotated[Installation, Depends(installation)]  # noqa: N806 - a type
    app = FastAPI(
        title="shopify-fetcher",
        openapi_url=None,
        dependencies=[Depends(check_token), Depends(check_size)],
    )
    app.add_exception_handler(FetcherError, _answer_error)
    app.add_exception_handler(RequestValidationError, _answer_invalid)

    @app.post("/v1/installations")
    async def install(wish: InstallRequest) -> InstallAnswer:
        async with _while_a_merchant_waits():
            unclaimed = await connector.install(shop=wish.shop_domain, code=wish.code)
        return InstallAnswer(
            installation_id=unclaimed.installation_id,
            shop_domain=unclaimed.facts.domain,
            shop_name=unclaimed.facts.name,
            claim=unclaimed.claim,
        )

    @app.post("/v1/connections")
    async def connect(wish: ConnectRequest) -> ConnectAnswer:
        store: dict[str, Any] = wish.model_dump(include={"store_id", "advertiser_id", "user_id"})
        async with _while_a_merchant_waits():
            if wish.claim is not None:
                installation_id, facts = await connector.claim(
                    **store, shop=wish.shop_domain, claim=wish.claim
                )
            else:
                installation_id, facts = await connector.connect(
                    **store, shop=wish.shop_domain, code=wish.code or ""
                )
        return ConnectAnswer(
            installation_id=installation_id,
            shop_domain=facts.domain,
            shop_name=facts.name,
            access_scopes=list(facts.access_scopes),
        )

    @app.post("/v1/connections/{store_id}/disconnect", status_code=204)
    async def disconnect(store_id: Annotated[int, Path(gt=0)], wish: DisconnectRequest) -> Response:
        await disconnector.disconnect(store_id=store_id, advertiser_id=wish.advertiser_id)
        return Response(status_code=204)

    @app.get("/v1/installations/{installation_id}/records/{resource}")
    async def records(
        found: FoundInstallation,
        resource: Resource,
        mode: Mode,
        updated_since: AwareDatetime | None = None,
        created_since: AwareDatetime | None = None,
        created_until: AwareDatetime | None = None,
        newest_first: bool = False,
        cursor: Annotated[str | None, Query(max_length=cursors.CURSOR_CHARS_MAX)] = None,
        job_id: Annotated[int | None, Query(gt=0)] = None,
        lane: Lane = Lane.FULL,
    ) -> StreamingResponse:
        if newest_first and mode is not Mode.BULK:
            raise RequestValidationError([{"loc": ("query", "newest_first")}])
        is_of_orders = resource is Resource.ORDERS
        wish = Wish(
            resource=resource,
            mode=mode,
            window=Window(
                updated_since=updated_since,
                created_since=created_since if is_of_orders else None,
                created_until=created_until if is_of_orders else None,
            ),
            lane=lane,
            job_id=job_id,
            cursor=cursors.decode(cursor) if cursor else None,
            newest_first=newest_first,
        )
        return StreamingResponse(lines.stream(reader.prepare(found, wish)), media_type="application/x-ndjson")

    @app.post("/v1/installations/{installation_id}/nodes")
    async def nodes(found: FoundInstallation, wish: NodesRequest) -> Response:
        session = access.session(found, Lane.REFETCH)
        unique = list(dict.fromkeys(wish.ids))
        read = await read_nodes(session, wish.resource, unique, created_after=wish.created_after)
        return _json(
            {
                "observed_at": to_rfc3339(read.observed_at),
                "records": [{"id": number, "body": body} for number, body in read.records],
                "gone": read.gone,
                "unseen": read.unseen,
            }
        )

    @app.post("/v1/installations/{installation_id}/counts")
    async def counts(found: FoundInstallation, wish: CountsRequest) -> Response:
        windows = [wish.window(*ids) for ids in wish.ranges]
        numbers, answer = await counted(access.session(found, wish.lane), wish.resource, windows)
        return _json({"counts": numbers, "shopify_time": to_rfc3339(answer.shopify_time)})

    @app.post("/v1/installations/{installation_id}/ids")
    async def ids(found: FoundInstallation, wish: IdsRequest) -> Response:
        window = wish.window(wish.first, wish.last)
        read = await read_ids(access.session(found, wish.lane), wish.resource, window)
        return _json(
            {
                "ids": read.ids,
                "more": read.next_first is not None,
                "next_first": None if read.next_first is None else str(read.next_first),
                "shopify_time": to_rfc3339(read.shopify_time),
            }
        )

    @app.post("/v1/keys/rotate")
    async def rotate_keys(wish: RotateRequest) -> Response:
        return _json(await keys.step(wish.after))

    return app


@asynccontextmanager
async def _while_a_merchant_waits() -> AsyncIterator[None]:
    """Tell an outage of the shop as one: whoever waits is to try again."""
    try:
        yield
    except (ShopGone, ShopUnavailable, Throttled, Transient) as error:
        raise ShopUnreachable(str(error)) from None


def _json(value: Any) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")


async def _answer_error(_request: Request, error: Exception) -> JSONResponse:
    """Say what was refused: 4xx where waiting does not help, 503 where it may."""
    if not isinstance(error, FetcherError):
        raise error
    status = (
        424
        if isinstance(error, ShopUnreachable)
        else _STATUS.get(error.code, 503 if error.retryable else 409)
    )
    headers = {"Retry-After": str(ceil(error.resume_in))} if isinstance(error, Throttled) else None
    body: dict[str, Any] = {"code": error.code, "message": str(error), "retryable": error.retryable}
    if isinstance(error, ScopesMissing):
        body["missing"] = list(error.missing)
    return JSONResponse(body, status, headers)


async def _answer_invalid(_request: Request, error: Exception) -> JSONResponse:
    """Name the bad field, never its value."""
    if not isinstance(error, RequestValidationError):
        raise error
    where = ".".join(str(part) for part in error.errors()[0]["loc"])
    return JSONResponse({"code": "invalid_request", "message": f"{where} is not acceptable"}, 422)
