"""What routes of a shop need: the shop itself, whether it answers, and the token that came with the request."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, HTTPException, Request

from shopify_simulator.shop.model import AppInstallation
from shopify_simulator.state import HostedShop, ShopStatus, Simulator
from shopify_simulator.tokens import AccessToken

STATUS_CODES: dict[ShopStatus, tuple[int, str]] = {
    ShopStatus.FROZEN: (402, "Unavailable Shop"),
    ShopStatus.FORBIDDEN: (403, "Forbidden"),
    ShopStatus.CLOSED: (404, "Not Found"),
    ShopStatus.LOCKED: (423, "Locked"),
}
BAD_CREDENTIALS = "[API] Invalid API key or access token (unrecognized login or wrong password)"

NON_EXPIRING = "[API] Non-expiring access tokens are no longer accepted for the Admin API"


class ShopifyError(HTTPException):
    """An answer in Shopify's own form: `{"errors": …}`."""


class AdminError(HTTPException):
    """An answer to the administrator: `{"error": …, "message": …}`."""

    def __init__(self, status: int, error: str, message: str) -> None:
        super().__init__(status, {"error": error, "message": message})


async def simulator_of(request: Request) -> Simulator:
    """The simulator that serves this request."""
    simulator: Simulator = request.app.state.simulator
    return simulator


Sim = Annotated[Simulator, Depends(simulator_of)]


async def hosted_shop(request: Request, simulator: Sim) -> HostedShop:
    """The shop by path or host, if it exists and answers ("response codes")."""
    hosted = simulator.shops.get(request.scope["shop_domain"] or "")
    if hosted is None:
        raise ShopifyError(404, "Not Found")
    if hosted.status is not ShopStatus.ACTIVE:
        raise ShopifyError(*STATUS_CODES[hosted.status])
    return hosted


Hosted = Annotated[HostedShop, Depends(hosted_shop)]


@dataclass(frozen=True, slots=True)
class Session:
    """Who calls: the app as it is installed on the shop, with one of its tokens."""

    token: AccessToken
    installation: AppInstallation


async def authenticated(request: Request, hosted: Hosted, simulator: Sim) -> Session:
    """Check the access token of a request ("API access tokens")."""
    token = simulator.tokens.find(hosted.domain, request.headers.get("x-shopify-access-token", ""))
    if token is None or hosted.installation is None:
        raise ShopifyError(401, BAD_CREDENTIALS)
    if token.expires_at is None and simulator.settings.expiring_tokens_required:
        raise ShopifyError(403, NON_EXPIRING)
    return Session(token, hosted.installation)


Authenticated = Annotated[Session, Depends(authenticated)]
