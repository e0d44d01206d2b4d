"""Compare a store's mirror with Shopify: what the last check found, and the wish for another."""

from dataclasses import dataclass, replace

from oauth_gateway.domain.access import Membership, User
from oauth_gateway.domain.page import Snapshot, Store
from oauth_gateway.errors import InvalidInput
from oauth_gateway.handlers import stores
from oauth_gateway.handlers.context import Gateway
from oauth_gateway.store import checks
from sync_common.contracts.events import CheckRequested


@dataclass(frozen=True, slots=True)
class StoreProof:
    """What is proven of one store, and the stores as they are now."""

    snapshot: Snapshot
    store: Store


async def store_proof(gateway: Gateway, membership: Membership, store_id: int) -> StoreProof:
    """Return what is proven of a store; raise NotFound for a foreign one."""
    advertiser_id = membership.advertiser_id
    snapshot = await stores.glance(gateway, advertiser_id)
    store = stores.store_in(snapshot, store_id)
    async with gateway.database.transaction(advertiser_id=advertiser_id) as tx:
        mirrors = await checks.mirrors(tx, advertiser_id)
    return StoreProof(snapshot, replace(store, mirror=mirrors.get(store_id, store.mirror)))


async def request_check(gateway: Gateway, membership: Membership, user: User, store_id: int) -> Store:
    """Ask for a comparison with Shopify; while one waits or runs there is nothing more to ask for."""
    store = await stores.connected_store(gateway, membership, store_id)
    if not store.is_connected:
        raise InvalidInput("Reconnect the store before you check it.")
    if store.check is None or not store.check.is_active:
        wish = CheckRequested(
            store_id=store.id, advertiser_id=membership.advertiser_id, requested_by_user_id=user.id
        )
        await stores.publish(gateway, wish)
    return store
