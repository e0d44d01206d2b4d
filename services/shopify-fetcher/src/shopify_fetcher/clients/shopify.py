"""Shopify over HTTP: a GraphQL call, the token endpoint, a bulk file. Each answer becomes a value or a typed error."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import msgspec
import structlog

from shopify_fetcher import metrics
from shopify_fetcher.clients.documents import document
from shopify_fetcher.domain.answers import Path, without_refused
from shopify_fetcher.domain.budget import ThrottleStatus, seconds_until_affordable
from shopify_fetcher.domain.clock import offset_to_shopify
from shopify_fetcher.domain.shop import shop_domain
from shopify_fetcher.errors import (
    AccessDenied,
    CodeRefused,
    Malformed,
    MaxCostExceeded,
    ShopGone,
    ShopUnavailable,
    Throttled,
    TokenRefused,
    Transient,
)
from sync_common.contracts.resources import SHOPIFY_API_VERSION
from sync_common.http import AnswerTooLarge, Client, HTTPError, Response, read_limited
from sync_common.runtime import Clock

ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
TOKEN_ANSWER_BYTES_MAX: Final = 64 * 1024
RETRY_AFTER_SECONDS_MAX: Final = 60.0
SECURITY_REJECTION_SECONDS: Final = 60.0
CALL_SECONDS_MAX: Final = 120.0  # however slowly an answer drips
BULK_CHUNK_BYTES: Final = 256 * 1024

_NON_EXPIRING: Final = b"Non-expiring access tokens are no longer accepted"
_VERSION: Final = re.compile(r"20[0-9]{2}-[0-9]{2}|unstable")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Answer:
    """One GraphQL answer. `observed_at` is when the request was sent, by Shopify's clock.

    `errors` are the codes of what was refused beside the data: such fields are left out of `data`, they are not null.
    """

    data: dict[str, Any]
    errors: tuple[str, ...]
    requested_cost: float
    actual_cost: float
    status: ThrottleStatus | None
    observed_at: datetime
    shopify_time: datetime


class BudgetSpent(Throttled):
    """THROTTLED in an answer: it tells what the query would have cost, in points, and what the bucket holds."""

    def __init__(self, requested_cost: float, status: ThrottleStatus | None) -> None:
        super().__init__(seconds_until_affordable(requested_cost, status))
        self.requested_cost = requested_cost
        self.status = status


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What the token endpoint gave. Tokens are never printed."""

    access_token: str
    refresh_token: str | None
    expires_in: int | None
    refresh_expires_in: int | None

    def __repr__(self) -> str:
        return "TokenPair(***)"


class ShopifyClient:
    """Every call to Shopify. Who may call when is the business of `access`."""

    def __init__(
        self, http: Client, clock: Clock, *, url_template: str, client_id: str, client_secret: str
    ) -> None:
        self._http = http
        self._clock = clock
        self._template = url_template
        self._client_id = client_id
        self._client_secret = client_secret
        self._noted_versions: set[str] = set()

    def __repr__(self) -> str:
        return "ShopifyClient(***)"

    async def graphql(self, shop: str, token: str, name: str, variables: Mapping[str, Any]) -> Answer:
        """Run the document `name`; raise an error named for the reaction."""
        body = msgspec.json.encode({"query": document(name), "variables": variables})
        headers = {"X-Shopify-Access-Token": token, "Content-Type": "application/json"}
        sent = self._clock.now()
        response, content = await self._post(
            self._url(shop, f"/admin/api/{SHOPIFY_API_VERSION}/graphql.json"), body, headers, ANSWER_BYTES_MAX
        )
        received = self._clock.now()
        if response.status_code == 403 and _NON_EXPIRING in content:
            raise TokenRefused("Shopify accepts no token any more that never expires")
        _refuse_status(response)
        self._note_version(response)
        offset = offset_to_shopify(sent, received, _date(response, received))
        payload = _json(content)
        cost = payload.get("extensions", {}).get("cost") or {}
        status = _throttle_status(cost)
        requested = float(cost.get("requestedQueryCost") or 0)
        errors = _graphql_errors(payload, requested, status)
        return Answer(
            data=without_refused(payload.get("data") or {}, _paths(payload)),
            errors=errors,
            requested_cost=requested,
            actual_cost=float(cost.get("actualQueryCost") or 0),
            status=status,
            observed_at=sent + offset,
            shopify_time=sent + offset,
        )

    async def exchange_code(self, shop: str, code: str) -> TokenPair:
        """Trade an authorization code for an expiring offline pair (authorization code grant)."""
        response, content = await self._token_call(shop, {"code": code, "expiring": 1})
        if response.status_code in (400, 401, 403):
            _raise_for_our_credentials(content)
            raise CodeRefused("Shopify refused the authorization code")
        _refuse_status(response)
        return _pair(content)

    async def refresh(self, shop: str, refresh_token: str) -> TokenPair:
        """Rotate a pair. Raise TokenRefused only when Shopify says that the refresh token is dead."""
        fields = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        response, content = await self._token_call(shop, fields)
        if response.status_code in (400, 401):
            _raise_for_our_credentials(content)
            if _is_dead_refresh_token(response.status_code, content):
                raise TokenRefused("the refresh token is not active any more")
            raise Transient(f"the token endpoint answered {response.status_code}")
        if response.status_code == 200:
            return _pair(content)
        _refuse_status(response)
        raise Transient(f"the token endpoint answered {response.status_code}")

    @asynccontextmanager
    async def open_bulk_file(self, url: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """Stream a bulk operation's file. It lies on another host, so no token goes with the request."""
        if self._template.startswith("https:") and not url.startswith("https:"):
            raise Malformed("the address of a bulk file is not https")
        try:
            async with self._http.stream("GET", url) as response:
                if response.status_code in (403, 404, 410):
                    raise Transient("the address of a bulk file has expired")
                if response.status_code != 200:
                    raise Transient(f"the bulk file answered {response.status_code}")
                yield response.aiter_bytes(BULK_CHUNK_BYTES)
        except HTTPError as error:
            raise Transient(f"the bulk file cannot be read: {type(error).__name__}") from None

    async def _token_call(self, shop: str, fields: Mapping[str, Any]) -> tuple[Response, bytes]:
        body = {"client_id": self._client_id, "client_secret": self._client_secret, **fields}
        return await self._post(
            self._url(shop, "/admin/oauth/access_token"),
            msgspec.json.encode(body),
            {"Content-Type": "application/json", "Accept": "application/json"},
            TOKEN_ANSWER_BYTES_MAX,
        )

    async def _post(
        self, url: str, body: bytes, headers: Mapping[str, str], limit: int
    ) -> tuple[Response, bytes]:
        try:
            async with (
                asyncio.timeout(CALL_SECONDS_MAX),
                self._http.stream("POST", url, content=body, headers=headers) as response,
            ):
                return response, await read_limited(response, limit)
        except TimeoutError:
            raise Transient("an answer took too long") from None
        except AnswerTooLarge:
            raise Malformed("an answer is larger than allowed") from None
        except HTTPError as error:
            raise Transient(f"Shopify cannot be reached: {type(error).__name__}") from None

    def _note_version(self, response: Response) -> None:
        """Report an answer by another version than ours (API versioning): a retired one falls forward."""
        answered = response.headers.get("X-Shopify-API-Version")
        if answered is None or answered == SHOPIFY_API_VERSION:
            return
        version = answered if _VERSION.fullmatch(answered) else "other"
        metrics.version_mismatches.labels(version).inc()
        if version not in self._noted_versions:  # once: every call would say the same
            self._noted_versions.add(version)
            log.warning("api_version_differs", api_version=version)

    def _url(self, shop: str, path: str) -> str:
        return self._template.replace("{shop}", shop_domain(shop)).rstrip("/") + path


def _refuse_status(response: Response) -> None:
    """Turn an HTTP status into its error (response codes)."""
    status = response.status_code
    if status == 200:
        return
    if status == 401:
        raise TokenRefused("Shopify refused the access token")
    if status in (402, 423):
        raise ShopUnavailable(f"the shop is frozen or locked ({status})")
    if status == 403:
        raise AccessDenied("Shopify refused this call (403)")
    if status == 404:
        raise ShopGone("the shop does not exist (404)")
    if status == 429:
        raise Throttled(_retry_after(response))
    if status == 430:
        raise Throttled(SECURITY_REJECTION_SECONDS)
    if status >= 500 or 300 <= status < 400:  # no redirect is followed: the token is for this host alone
        raise Transient(f"Shopify answered {status}")
    raise Malformed(f"Shopify answered {status}")


def _retry_after(response: Response) -> float:
    """Read Retry-After, which may be absent, decimal, a date or absurd."""
    try:
        seconds = float(response.headers.get("Retry-After", "1"))
    except ValueError:
        return 1.0
    if not seconds > 0:  # also catches NaN
        return 1.0
    return min(seconds, RETRY_AFTER_SECONDS_MAX)


def _graphql_errors(
    payload: Mapping[str, Any], requested: float, status: ThrottleStatus | None
) -> tuple[str, ...]:
    """Raise for errors that leave no usable data; return the codes of those that do: fields that we may not read."""
    errors = payload.get("errors") or []
    if isinstance(errors, str):
        raise Malformed("Shopify answered with an error text")
    codes = tuple(str((error.get("extensions") or {}).get("code", "UNKNOWN")) for error in errors)
    data = payload.get("data")
    if "THROTTLED" in codes:
        raise BudgetSpent(requested, status)
    if "MAX_COST_EXCEEDED" in codes:
        raise MaxCostExceeded("the query costs more than one query may")
    if "SHOP_INACTIVE" in codes:
        raise ShopUnavailable("the shop is inactive")
    if "INTERNAL_SERVER_ERROR" in codes:
        raise Transient("Shopify had an internal error")
    if data is None or all(value is None for value in data.values()):
        if "ACCESS_DENIED" in codes:
            raise AccessDenied("a scope or an approval for protected customer data is missing")
        if codes or data is None:
            raise Malformed(f"an answer has no data: {', '.join(codes) or 'no errors either'}")
    if set(codes) - {"ACCESS_DENIED"}:  # data with holes that asking again may fill
        raise Transient(f"an answer came with errors: {', '.join(sorted(set(codes)))}")
    return codes


def _paths(payload: Mapping[str, Any]) -> list[Path]:
    return [error["path"] for error in payload.get("errors") or [] if isinstance(error.get("path"), list)]


def _throttle_status(cost: Mapping[str, Any]) -> ThrottleStatus | None:
    told = cost.get("throttleStatus")
    if not isinstance(told, dict):
        return None
    try:
        return ThrottleStatus(
            maximum_available=float(told["maximumAvailable"]),
            currently_available=float(told["currentlyAvailable"]),
            restore_rate=float(told["restoreRate"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def _json(content: bytes) -> dict[str, Any]:
    try:
        payload = msgspec.json.decode(content)
    except msgspec.DecodeError:  # a page of something between Shopify and us
        raise Transient("an answer is not JSON") from None
    if not isinstance(payload, dict):
        raise Malformed("an answer is no JSON object")
    return payload


def _date(response: Response, default: datetime) -> datetime:
    try:
        return parsedate_to_datetime(response.headers["Date"])
    except (KeyError, ValueError):
        return default


def _oauth_error(content: bytes) -> str:
    try:
        payload = msgspec.json.decode(content)
    except msgspec.DecodeError:
        return ""
    return str(payload.get("error", "")) if isinstance(payload, dict) else ""


def _raise_for_our_credentials(content: bytes) -> None:
    """A wrong client secret is our mistake and must never look like a dead token."""
    if _oauth_error(content) in ("invalid_client", "unauthorized_client", "application_cannot_be_found"):
        raise Malformed("Shopify refused this app's client id or secret")


def _is_dead_refresh_token(status: int, content: bytes) -> bool:
    error = _oauth_error(content)
    return error in ("invalid_grant", "invalid_subject_token") or (
        status == 401 and error == "invalid_request"
    )


def _pair(content: bytes) -> TokenPair:
    payload = _json(content)
    try:
        refresh_token = payload.get("refresh_token")
        return TokenPair(
            access_token=str(payload["access_token"]),
            refresh_token=None if refresh_token is None else str(refresh_token),
            expires_in=_optional_int(payload.get("expires_in")),
            refresh_expires_in=_optional_int(payload.get("refresh_token_expires_in")),
        )
    except (KeyError, TypeError, ValueError):
        raise Malformed("the token endpoint's answer lacks a token") from None


def _optional_int(value: Any) -> int | None:
    return None if value is None else int(value)
