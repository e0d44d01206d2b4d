"""What every handler may use."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from secrets import token_hex

from oauth_gateway.clients.fetcher import FetcherClient
from oauth_gateway.domain.scopes import ALL_ORDERS
from oauth_gateway.domain.secrets import TOKEN_BYTES
from sync_common.db import Database
from sync_common.runtime import Clock, KeyRing


@dataclass(frozen=True, slots=True)
class ShopifyApp:
    """Our app at Shopify. `shop_url` is a template with `{shop}`.

    `historical_orders` says that Shopify lets the app ask for orders older than 60 days.
    """

    client_id: str
    client_secrets: Sequence[str] = field(repr=False)
    scopes: str
    shop_url: str
    redirect_uri: str
    historical_orders: bool = False

    def scopes_for(self, *, wants_history: bool) -> str:
        """Return what the merchant of a store is asked to allow."""
        return f"{self.scopes},{ALL_ORDERS}" if wants_history and self.historical_orders else self.scopes


@dataclass(frozen=True, slots=True)
class Gateway:
    """The parts that handlers work with; `new_token` makes secrets, `keys` seal those that travel in mail requests."""

    database: Database
    clock: Clock
    fetcher: FetcherClient
    shopify: ShopifyApp
    keys: KeyRing
    new_token: Callable[[], str] = lambda: token_hex(TOKEN_BYTES)
