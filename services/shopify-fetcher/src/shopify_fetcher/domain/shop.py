"""What is true of a shop whatever it is asked: its name, its scopes, its facts."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from shopify_fetcher.errors import ShopNameRefused

_SHOP_DOMAIN = re.compile(r"[a-z0-9][a-z0-9-]*\.myshopify\.com")
_OPTIONAL_SCOPES = frozenset({"read_all_orders", "read_customer_merge"})  # Shopify must approve these per app

_ORDERS_SEEN = timedelta(days=60)  # by read_orders alone (access scopes)
_ORDERS_SEEN_MARGIN = timedelta(hours=1)


def shop_domain(value: str) -> str:
    """Return the lower-cased domain, or raise: no address is ever built from an unchecked name."""
    domain = value.lower()
    if len(domain) > 255 or _SHOP_DOMAIN.fullmatch(domain) is None:
        raise ShopNameRefused("shop_domain is not a myshopify.com name")
    return domain


@dataclass(frozen=True, slots=True)
class ShopFacts:
    """What `shop` and `currentAppInstallation` tell."""

    domain: str
    shopify_shop_id: int
    name: str
    owner: str | None
    email: str | None
    currency: str
    timezone: str
    plan_name: str | None
    access_scopes: tuple[str, ...]


def missing_scopes(wanted: tuple[str, ...], granted: tuple[str, ...]) -> list[str]:
    """Return the scopes without which the mirror cannot work; a write scope implies its read."""
    held = set(granted) | {
        scope.replace("write_", "read_", 1) for scope in granted if scope.startswith("write_")
    }
    return sorted(set(wanted) - held - _OPTIONAL_SCOPES)


def numeric_id(gid: str) -> str:
    """Return the number at the end of a gid: gid://shopify/Order/1 is 1."""
    return gid.rpartition("/")[2].partition("?")[0]


def orders_surely_seen_from(shopify_time: datetime) -> datetime:
    """Return since when orders must have been created that `read_orders` surely shows, without `read_all_orders`."""
    return shopify_time - _ORDERS_SEEN + _ORDERS_SEEN_MARGIN
