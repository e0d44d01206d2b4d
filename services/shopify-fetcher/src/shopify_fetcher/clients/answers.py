"""What Shopify's answers say: each becomes a value or an error named for the reaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import msgspec

from shopify_fetcher.domain.answers import Path, without_refused
from shopify_fetcher.domain.budget import ThrottleStatus, seconds_until_affordable
from shopify_fetcher.domain.clock import offset_to_shopify
from shopify_fetcher.errors import (
    AccessDenied,
    Malformed,
    MaxCostExceeded,
    ShopGone,
    ShopUnavailable,
    Throttled,
    TokenRefused,
    Transient,
)
from sync_common.http import Response

RETRY_AFTER_SECONDS_MAX: Final = 60.0
SECURITY_REJECTION_SECONDS: Final = 60.0

_NON_EXPIRING: Final = b"Non-expiring access tokens are no longer accepted"


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


def read_answer(response: Response, content: bytes, *, sent: datetime, received: datetime) -> Answer:
    """Read a GraphQL answer with status 200; raise for errors that leave no usable data."""
    offset = offset_to_shopify(sent, received, _date(response, received))
    payload = _json(content)
    cost = _mapping(_mapping(payload.get("extensions")).get("cost"))
    status = _throttle_status(cost)
    requested = float(cost.get("requestedQueryCost") or 0)
    errors = _refusals(payload, requested, status)
    return Answer(
        data=without_refused(payload.get("data") or {}, _paths(payload)),
        errors=errors,
        requested_cost=requested,
        actual_cost=float(cost.get("actualQueryCost") or 0),
        status=status,
        observed_at=sent + offset,
        shopify_time=sent + offset,
    )


def refuse_status(response: Response, content: bytes) -> None:
    """Turn an HTTP status into its error (response codes)."""
    status = response.status_code
    if status == 403 and _NON_EXPIRING in content:
        raise TokenRefused("Shopify accepts no token any more that never expires")
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
    told = response.headers.get("Retry-After", "1")
    try:
        seconds = float(told)
    except ValueError:
        seconds = _seconds_until(told, response)
    if not seconds > 0:  # also catches NaN
        return 1.0
    return min(seconds, RETRY_AFTER_SECONDS_MAX)


def _seconds_until(date: str, response: Response) -> float:
    try:
        return (parsedate_to_datetime(date) - parsedate_to_datetime(response.headers["Date"])).total_seconds()
    except (KeyError, ValueError, TypeError):
        return 0.0


def _refusals(payload: Mapping[str, Any], requested: float, status: ThrottleStatus | None) -> tuple[str, ...]:
    """Raise for errors that leave no usable data; return the codes of those that do: fields that we may not read."""
    errors = payload.get("errors") or []
    data = payload.get("data")
    if not isinstance(errors, list) or not isinstance(data, dict | None):
        raise Malformed("an answer has another shape than GraphQL's")
    codes = tuple(str(_mapping(_mapping(error).get("extensions")).get("code", "UNKNOWN")) for error in errors)
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
    paths = (_mapping(error).get("path") for error in payload.get("errors") or [])
    return [path for path in paths if isinstance(path, list)]


def _mapping(value: Any) -> Mapping[str, Any]:
    """Return an object of an answer; an empty one where there is something else."""
    return value if isinstance(value, dict) else {}


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


def raise_for_our_credentials(content: bytes) -> None:
    """A wrong client secret is our mistake and must never look like a dead token."""
    if _oauth_error(content) in ("invalid_client", "unauthorized_client", "application_cannot_be_found"):
        raise Malformed("Shopify refused this app's client id or secret")


def is_dead_refresh_token(status: int, content: bytes) -> bool:
    """Say whether a refusal means the refresh token itself."""
    error = _oauth_error(content)
    return error in ("invalid_grant", "invalid_subject_token") or (
        status == 401 and error == "invalid_request"
    )


def token_pair(content: bytes) -> TokenPair:
    """Read what the token endpoint gave."""
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
