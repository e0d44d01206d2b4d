"""The headers of a delivery ("Webhook delivery structure").

The signature does not cover them. What decides where a delivery goes (signature, topic, shop) must be there once
and well formed, or the delivery is refused as not Shopify's. What only describes it is left out when it cannot be
read: refusing a genuine delivery for its timestamp would in the end delete the subscription.
"""

import re
from collections.abc import Collection
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NamedTuple

from webhook_ingest.errors import Unauthenticated

_TOPIC: Final = re.compile(r"[a-z0-9_]{1,60}(?:[./][a-z0-9_]{1,60}){1,3}")
_SHOP: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,99}\.myshopify\.com")
_TOKEN: Final = re.compile(rb"[A-Za-z0-9._:-]{1,100}")
_SIGNATURE: Final = b"x-shopify-hmac-sha256"
_NAMES: Final = {
    b"x-shopify-topic",
    b"x-shopify-shop-domain",
    b"x-shopify-webhook-id",
    b"x-shopify-event-id",
    b"x-shopify-triggered-at",
    b"x-shopify-api-version",
    _SIGNATURE,
}


class DeliveryHeaders(NamedTuple):
    """What Shopify says about a delivery."""

    signature: bytes
    topic: str
    shop: str
    webhook_id: str | None
    event_id: str | None
    api_version: str | None
    triggered_at: datetime | None


def read_headers(raw: Collection[tuple[bytes, bytes]]) -> DeliveryHeaders:
    """Read the headers (names in lower case); raise Unauthenticated when a deciding one is missing or odd."""
    values = _single(raw)
    value = values.get
    return DeliveryHeaders(
        value(_SIGNATURE, b""),
        _topic(value(b"x-shopify-topic", b"")),
        _shop(value(b"x-shopify-shop-domain", b"")),
        _token(value(b"x-shopify-webhook-id", b"")),
        _token(value(b"x-shopify-event-id", b"")),
        _version(value(b"x-shopify-api-version", b"")),
        _instant(value(b"x-shopify-triggered-at", b"")),
    )


def _single(raw: Collection[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    values = dict(raw)
    if len(values) < len(raw):
        ours = [name for name, _ in raw if name in _NAMES]
        if len(set(ours)) < len(ours):
            raise Unauthenticated("odd_headers", "a header is there twice")
    return values


@lru_cache(maxsize=1_000)  # a few topics and shops send most of what comes
def _topic(value: bytes) -> str:
    return _deciding(value, _TOPIC, "x-shopify-topic")


@lru_cache(maxsize=10_000)
def _shop(value: bytes) -> str:
    return _deciding(value, _SHOP, "x-shopify-shop-domain")


@lru_cache(maxsize=1_000)
def _version(value: bytes) -> str | None:
    return _token(value)


def _deciding(value: bytes, pattern: re.Pattern[str], name: str) -> str:
    text = value.decode("latin-1").lower()
    if not pattern.fullmatch(text):
        raise Unauthenticated("odd_headers", f"header {name} is missing or odd")
    return text


def _token(value: bytes) -> str | None:
    return value.decode() if _TOKEN.fullmatch(value) else None


def _instant(value: bytes) -> datetime | None:
    """Read a time; Shopify writes nine fractional digits, of which microseconds are kept."""
    try:
        instant = datetime.fromisoformat(value.decode("ascii"))
        return instant.astimezone(UTC) if instant.tzinfo else None
    except (ValueError, OverflowError):  # the year 1 has instants that UTC cannot write
        return None
