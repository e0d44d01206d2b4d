"""Connect a store: begin Shopify's OAuth, and finish it when the merchant comes back."""

from collections.abc import Sequence
from dataclasses import dataclass

from oauth_gateway.clients.fetcher import Proof
from oauth_gateway.domain import oauth
from oauth_gateway.domain.access import Membership
from oauth_gateway.domain.secrets import secret_hash
from oauth_gateway.errors import FlowExpired, Forbidden, InvalidInput
from oauth_gateway.handlers.context import Gateway
from oauth_gateway.handlers.login import Visit
from oauth_gateway.store import accounts, stores
from oauth_gateway.store.stores import BegunFlow


@dataclass(frozen=True, slots=True)
class Connected:
    """A finished flow: where to go next, and the session's new secret."""

    slug: str
    shop_domain: str
    token: str


async def begin(gateway: Gateway, visit: Visit, membership: Membership, *, typed_shop: str) -> str:
    """Issue a state for this session, user, advertiser and shop; return Shopify's consent page."""
    shop = oauth.typed_shop_domain(typed_shop)
    if shop is None:
        raise InvalidInput("Enter your store's address, such as your-store.myshopify.com.")
    return await begin_for(gateway, visit, membership, shop)


async def begin_for(gateway: Gateway, visit: Visit, membership: Membership, shop: str) -> str:
    """Issue a state for a checked shop; ask for older orders only where somebody has wished for them."""
    state, now = gateway.new_token(), gateway.clock.now()
    flow = BegunFlow(membership.advertiser_id, visit.user.id, shop)
    async with gateway.database.transaction(advertiser_id=flow.advertiser_id) as tx:
        await stores.begin_flow(
            tx,
            flow,
            state_hash=secret_hash(state),
            session_hash=visit.token_hash,
            now=now,
            expires_at=now + oauth.STATE_LIFETIME,
        )
        wants_history = await stores.wants_history(tx, shop)
    return consent_page(gateway, shop, state, wants_history=wants_history)


def consent_page(gateway: Gateway, shop: str, state: str, *, wants_history: bool = False) -> str:
    """Return where the merchant of a checked shop is asked for consent."""
    return oauth.authorize_url(
        gateway.shopify.shop_url.format(shop=shop),
        client_id=gateway.shopify.client_id,
        scopes=gateway.shopify.scopes_for(wants_history=wants_history),
        redirect_uri=gateway.shopify.redirect_uri,
        state=state,
    )


def verified(gateway: Gateway, parameters: Sequence[tuple[str, str]]) -> oauth.Callback:
    """Check what a callback can prove by itself."""
    return oauth.verify_callback(parameters, secrets=gateway.shopify.client_secrets, now=gateway.clock.now())


async def finish(gateway: Gateway, visit: Visit, callback: oauth.Callback) -> Connected:
    """Use up the state of a verified callback and have the fetcher connect the store."""
    flow = await _take_flow(gateway, visit, callback)
    membership = await _membership_now(gateway, flow)
    return await connect_store(gateway, visit, membership, flow.shop_domain, {"code": callback.code})


async def connect_store(
    gateway: Gateway, visit: Visit, membership: Membership, shop: str, proof: Proof
) -> Connected:
    """Make the advertiser's store, have the fetcher connect it, and give the session a new id."""
    advertiser_id = membership.advertiser_id
    async with gateway.database.transaction(advertiser_id=advertiser_id) as tx:
        store_id = await stores.ensure_store(tx, advertiser_id=advertiser_id, shop_domain=shop)
    # Committed first, because the fetcher reads the store. A store that was never connected is shown nowhere.
    await gateway.fetcher.connect(
        store_id=store_id,
        advertiser_id=advertiser_id,
        user_id=visit.user.id,
        shop_domain=shop,
        proof=proof,
    )
    token = await _new_session_id(gateway, visit)
    return Connected(membership.slug, shop, token)


async def _take_flow(gateway: Gateway, visit: Visit, callback: oauth.Callback) -> BegunFlow:
    """Use up the state; it must be this session's, this user's and this shop's."""
    async with gateway.database.transaction() as tx:
        flow = await stores.take_flow(
            tx,
            state_hash=secret_hash(callback.state),
            session_hash=visit.token_hash,
            now=gateway.clock.now(),
        )
    if flow is None or flow.user_id != visit.user.id or flow.shop_domain != callback.shop_domain:
        raise FlowExpired
    return flow


async def _membership_now(gateway: Gateway, flow: BegunFlow) -> Membership:
    """Check the membership again: it may have ended while the merchant was at Shopify."""
    async with gateway.database.transaction() as tx:
        memberships = await accounts.memberships_of(tx, flow.user_id)
    for membership in memberships:
        if membership.advertiser_id == flow.advertiser_id and membership.can_manage:
            return membership
    raise Forbidden("connect")


async def _new_session_id(gateway: Gateway, visit: Visit) -> str:
    token = gateway.new_token()
    async with gateway.database.transaction() as tx:
        await accounts.replace_session(tx, old_hash=visit.token_hash, new_hash=secret_hash(token))
    return token
