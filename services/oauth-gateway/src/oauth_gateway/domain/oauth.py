"""Shopify's authorization code grant, as its page "Authorize apps manually" describes it."""

import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final
from urllib.parse import urlencode

from oauth_gateway.errors import CallbackRefused, LinkRefused

STATE_LIFETIME: Final = timedelta(minutes=10)
CLAIM_LIFETIME: Final = timedelta(hours=1)  # the fetcher's own is what counts
TIMESTAMP_TOLERANCE_SECONDS: Final = 90

_SHOP = re.compile(r"[a-z0-9][a-z0-9-]*\.myshopify\.com")
_SHOP_LENGTH_MAX: Final = 100
_HANDLE = re.compile(r"[a-z0-9][a-z0-9-]*")
_ADMIN_URL = re.compile(r"admin\.shopify\.com/store/([a-z0-9][a-z0-9-]*)")


@dataclass(frozen=True, slots=True)
class Callback:
    """What a verified callback says."""

    code: str
    shop_domain: str
    state: str


def shop_domain(text: str) -> str | None:
    """Return the lower-cased shop domain, or None when it is none."""
    lowered = text.lower()
    # full match: with `$`, a trailing newline would pass
    return lowered if len(lowered) <= _SHOP_LENGTH_MAX and _SHOP.fullmatch(lowered) else None


def typed_shop_domain(typed: str) -> str | None:
    """Read what a person types: a handle, a domain, or the address of the shop or its admin."""
    text = typed.strip().lower().removeprefix("https://").removeprefix("http://")
    if admin := _ADMIN_URL.match(text):
        text = admin.group(1)
    text = text.split("/", 1)[0]
    if _HANDLE.fullmatch(text):
        text += ".myshopify.com"
    return shop_domain(text)


def authorize_url(base: str, *, client_id: str, scopes: str, redirect_uri: str, state: str) -> str:
    """Return where the merchant is asked for consent; an offline token, since no per-user grant is asked for."""
    query = {"client_id": client_id, "scope": scopes, "redirect_uri": redirect_uri, "state": state}
    return f"{base}/admin/oauth/authorize?{urlencode(query)}"


def signature(parameters: Sequence[tuple[str, str]], secret: str) -> str:
    """Sign all parameters but `hmac` and `signature`, sorted by name."""
    signed = sorted(pair for pair in parameters if pair[0] not in ("hmac", "signature"))
    message = "&".join(f"{name}={value}" for name, value in signed)
    return hmac.new(secret.encode(), message.encode(), sha256).hexdigest()


def verify_callback(
    parameters: Sequence[tuple[str, str]], *, secrets: Sequence[str], now: datetime
) -> Callback:
    """Check everything a callback can prove by itself; raise CallbackRefused with the first thing wrong.

    What only the database knows (is the state ours, unused and this session's) is checked afterwards.
    """
    values, shop = _verified(parameters, ("code", "state"), secrets, now)
    return Callback(code=values["code"], shop_domain=shop, state=values["state"])


def verify_link(parameters: Sequence[tuple[str, str]], *, secrets: Sequence[str], now: datetime) -> str:
    """Check the address under which Shopify opens the app; return the shop, or raise LinkRefused."""
    try:
        _, shop = _verified(parameters, (), secrets, now)
    except CallbackRefused as error:
        raise LinkRefused(str(error)) from None
    return shop


def _verified(
    parameters: Sequence[tuple[str, str]], needed: Sequence[str], secrets: Sequence[str], now: datetime
) -> tuple[Mapping[str, str], str]:
    """Check what Shopify has signed; return its values and the shop, or raise CallbackRefused."""
    values = dict(parameters)
    if len(values) != len(parameters):
        raise CallbackRefused("a parameter occurs twice")
    missing = sorted(name for name in (*needed, "hmac", "shop", "timestamp") if not values.get(name))
    if missing:
        raise CallbackRefused(f"parameter {missing[0]} is missing")
    shop = shop_domain(values["shop"])
    if shop is None:
        raise CallbackRefused("shop is not a shop domain")
    if not _signed_by_any(parameters, values["hmac"], secrets):
        raise CallbackRefused("hmac does not match")
    _check_timestamp(values["timestamp"], now)
    return values, shop


def _signed_by_any(parameters: Sequence[tuple[str, str]], given: str, secrets: Sequence[str]) -> bool:
    """Try every active secret without leaving early, so that the time tells nothing."""
    matches = [
        hmac.compare_digest(signature(parameters, secret).encode(), given.encode()) for secret in secrets
    ]
    return any(matches)


def _check_timestamp(text: str, now: datetime) -> None:
    if not re.fullmatch(r"[0-9]{1,12}", text):
        raise CallbackRefused("timestamp is not a number")
    if abs(now.timestamp() - int(text)) > TIMESTAMP_TOLERANCE_SECONDS:
        raise CallbackRefused("timestamp is not recent")
