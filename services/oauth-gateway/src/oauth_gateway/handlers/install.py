"""Finish an install that began at Shopify: consent first, then a log-in, then the choice of an advertiser."""

from collections.abc import Sequence
from dataclasses import dataclass

from oauth_gateway.domain import oauth
from oauth_gateway.domain.secrets import secret_hash
from oauth_gateway.errors import ConnectionRefused, Forbidden, InstallExpired, InvalidInput
from oauth_gateway.handlers.connect import Connected, connect_store, consent_page
from oauth_gateway.handlers.context import Gateway
from oauth_gateway.handlers.login import Visit
from oauth_gateway.store import installs
from oauth_gateway.store.installs import Claim


@dataclass(frozen=True, slots=True, repr=False)
class Begun:
    """A begun install: Shopify's consent page, and the secret that binds what follows to this browser."""

    consent: str
    browser: str


def verified_shop(gateway: Gateway, parameters: Sequence[tuple[str, str]]) -> str:
    """Return the shop whose merchant opens the app; raise LinkRefused for an address that Shopify did not sign."""
    return oauth.verify_link(parameters, secrets=gateway.shopify.client_secrets, now=gateway.clock.now())


async def advertiser_with(gateway: Gateway, visit: Visit, shop: str) -> str | None:
    """Return the slug of the visitor's first advertiser that this shop is connected to."""
    for membership in visit.memberships:
        async with gateway.database.transaction(advertiser_id=membership.advertiser_id) as tx:
            if await installs.is_connected(tx, advertiser_id=membership.advertiser_id, shop_domain=shop):
                return membership.slug
    return None


async def begin(gateway: Gateway, shop: str) -> Begun:
    """Issue a state for this browser and shop.

    The browser's secret is new each time, so that one planted there earlier binds nothing.
    """
    state, browser, now = gateway.new_token(), gateway.new_token(), gateway.clock.now()
    async with gateway.database.transaction() as tx:
        await installs.begin(
            tx,
            state_hash=secret_hash(state),
            browser_hash=secret_hash(browser),
            shop_domain=shop,
            now=now,
            expires_at=now + oauth.STATE_LIFETIME,
        )
    return Begun(consent_page(gateway, shop, state), browser)


async def keep(gateway: Gateway, browser: str | None, callback: oauth.Callback) -> bool:
    """Have the fetcher keep the shop unclaimed, and its claim for this browser; False if no install began here."""
    if not browser:
        return False
    browser_hash, now = secret_hash(browser), gateway.clock.now()
    async with gateway.database.transaction() as tx:
        is_ours = await installs.take_state(
            tx,
            state_hash=secret_hash(callback.state),
            browser_hash=browser_hash,
            shop_domain=callback.shop_domain,
            now=now,
        )
    if not is_ours:
        return False
    installed = await gateway.fetcher.install(shop_domain=callback.shop_domain, code=callback.code)
    claim = Claim(installed.shop_domain, installed.shop_name, installed.claim)
    async with gateway.database.transaction() as tx:
        await installs.keep_claim(tx, claim, browser_hash=browser_hash, expires_at=now + oauth.CLAIM_LIFETIME)
    return True


async def claim_of(gateway: Gateway, browser: str | None) -> Claim:
    """Return what this browser may connect; raise InstallExpired when that is nothing."""
    if browser:
        async with gateway.database.transaction() as tx:
            claim = await installs.claim_of(tx, secret_hash(browser), gateway.clock.now())
        if claim is not None:
            return claim
    raise InstallExpired


async def finish(gateway: Gateway, visit: Visit, browser: str | None, *, shop: str, slug: str) -> Connected:
    """Connect the shop that the page showed to the chosen advertiser."""
    claim = await claim_of(gateway, browser)
    if claim.shop_domain != shop:  # another install has begun in this browser since
        raise InstallExpired
    if not slug:
        raise InvalidInput("Choose the advertiser that this store belongs to.")
    membership = visit.member_of(slug)
    if not membership.can_manage:
        raise Forbidden("connect")
    try:
        connected = await connect_store(gateway, visit, membership, shop, {"claim": claim.secret})
    except ConnectionRefused as error:
        if error.code != "claim_refused":
            raise
        await _forget(gateway, browser)
        raise InstallExpired from None
    await _forget(gateway, browser)
    return connected


async def _forget(gateway: Gateway, browser: str | None) -> None:
    if browser:
        async with gateway.database.transaction() as tx:
            await installs.forget_claim(tx, secret_hash(browser))
