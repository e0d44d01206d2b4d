"""Read a store's whole order history: the wish, Shopify's consent to it, and its end."""

from oauth_gateway.domain.access import Membership
from oauth_gateway.domain.page import Store
from oauth_gateway.errors import InvalidInput
from oauth_gateway.handlers import connect, stores
from oauth_gateway.handlers.context import Gateway
from oauth_gateway.handlers.login import Visit
from oauth_gateway.store import stores as store_rows
from sync_common.contracts.events import BackfillRequested


async def request(
    gateway: Gateway, visit: Visit, membership: Membership, store_id: int
) -> tuple[Store, str | None]:
    """Record the wish, then fulfil it or ask for the permission that it needs.

    Returns the store and Shopify's consent page where the merchant has to go there. What is granted there is read
    once the store's sync after it begins; see `events`.
    """
    store = await stores.connected_store(gateway, membership, store_id)
    if not store.is_connected:
        raise InvalidInput("Reconnect the store before you read its order history.")
    async with gateway.database.transaction(advertiser_id=membership.advertiser_id) as tx:
        await store_rows.wish_history(tx, store_id, user_id=visit.user.id, now=gateway.clock.now())
    if store.has_all_orders:
        wish = BackfillRequested(
            store_id=store_id, advertiser_id=membership.advertiser_id, requested_by_user_id=visit.user.id
        )
        await stores.publish(gateway, wish)
        return store, None
    if gateway.shopify.historical_orders:
        return store, await connect.begin_for(gateway, visit, membership, store.shop_domain)
    return store, None


async def cancel(gateway: Gateway, visit: Visit, membership: Membership, store_id: int) -> Store:
    """Stop reading a store's order history, and withdraw the wish: it must not begin anew by itself."""
    store = await stores.connected_store(gateway, membership, store_id)
    async with gateway.database.transaction(advertiser_id=membership.advertiser_id) as tx:
        await store_rows.withdraw_history(tx, store_id)
    if store.backfill is not None:
        await stores.cancel_job(gateway, membership, visit.user, store.backfill)
    return store
