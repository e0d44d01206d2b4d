"""Compare a store's mirror with Shopify: what the last check found, what is decided about it, the wish for another."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from oauth_gateway.domain.access import Membership, User
from oauth_gateway.domain.checks import Deletions
from oauth_gateway.domain.page import Snapshot, Store
from oauth_gateway.errors import InvalidInput, NotFound
from oauth_gateway.handlers import stores
from oauth_gateway.handlers.context import Gateway
from oauth_gateway.store import checks
from sync_common.contracts.events import CheckRequested, DeletionsDecided
from sync_common.contracts.events.commands import DeletionDecision


@dataclass(frozen=True, slots=True)
class StoreProof:
    """What is proven of one store and what was found deleted, and the stores as they are now."""

    snapshot: Snapshot
    store: Store
    deletions: Sequence[Deletions]


async def store_proof(gateway: Gateway, membership: Membership, store_id: int) -> StoreProof:
    """Return what is proven of a store; raise NotFound for a foreign one."""
    advertiser_id = membership.advertiser_id
    snapshot = await stores.glance(gateway, advertiser_id)
    store = stores.store_in(snapshot, store_id)
    async with gateway.database.transaction(advertiser_id=advertiser_id) as tx:
        mirrors = await checks.mirrors(tx, advertiser_id)
        deletions = await checks.deletions(tx, advertiser_id, store_id)
    return StoreProof(snapshot, replace(store, mirror=mirrors.get(store_id, store.mirror)), deletions)


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


async def to_delete(
    gateway: Gateway, membership: Membership, store_id: int, check_id: int, resource: str
) -> tuple[StoreProof, Deletions]:
    """Return what waits to be deleted; raise NotFound where nothing does."""
    proof = await store_proof(gateway, membership, store_id)
    return proof, _decided(proof, check_id, resource, DeletionDecision.DELETE)


async def decide(
    gateway: Gateway,
    membership: Membership,
    user: User,
    store_id: int,
    *,
    check_id: int,
    resource: str,
    decision: str,
) -> tuple[Store, Deletions, DeletionDecision]:
    """Ask to delete, to keep or to bring back all that one check found; raise NotFound where there is nothing to."""
    try:
        wanted = DeletionDecision(decision)
    except ValueError:
        raise InvalidInput("Choose what to do with these records.") from None
    proof = await store_proof(gateway, membership, store_id)
    found = _decided(proof, check_id, resource, wanted)
    wish = DeletionsDecided(
        store_id=store_id,
        advertiser_id=membership.advertiser_id,
        requested_by_user_id=user.id,
        check_id=check_id,
        resource=found.resource,
        decision=wanted,
    )
    await stores.publish(gateway, wish)
    return proof.store, found, wanted


def _decided(proof: StoreProof, check_id: int, resource: str, decision: DeletionDecision) -> Deletions:
    """Return the records that a decision is about."""
    for found in proof.deletions:
        if found.check_id == check_id and found.resource == resource and found.allows(decision):
            return found
    raise NotFound("deletions")
