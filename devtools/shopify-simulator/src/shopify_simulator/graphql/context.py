"""What a GraphQL request may use."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shopify_simulator.bulk import BulkRunner
from shopify_simulator.shop.model import API_VERSION, AppInstallation, Shop


def _ignore(*_: Any) -> None:
    return None


@dataclass(frozen=True, slots=True)
class RequestContext:
    """One authenticated request: the shop, the app with its scopes, the clock, and whom to tell of what it changes."""

    shop: Shop
    app: AppInstallation
    scopes: frozenset[str]
    now: Callable[[], datetime]
    base_url: str
    bulk: BulkRunner
    api_version: str = API_VERSION
    on_uninstall: Callable[[Shop, AppInstallation], None] = _ignore
    on_subscription_change: Callable[[Shop, AppInstallation], None] = _ignore
