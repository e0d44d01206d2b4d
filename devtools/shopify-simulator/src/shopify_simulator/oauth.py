"""OAuth as a shop serves it: the consent page, the token endpoint and the list of granted scopes."""

import base64
import re
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import APIRouter, Form, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from shopify_simulator.graphql.access import ALL_ORDERS, has_scope
from shopify_simulator.pages import Page, error_page, render
from shopify_simulator.settings import Settings
from shopify_simulator.shops import Authenticated, Hosted, Sim
from shopify_simulator.signatures import query_signature
from shopify_simulator.state import HostedShop, Simulator
from shopify_simulator.tokens import Pair

REFRESH_GRANT = "refresh_token"
EXCHANGE_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
OFFLINE_ACCESS = "urn:shopify:params:oauth:token-type:offline-access-token"
SCOPE_RESOURCES = {
    "customers": "customers",
    "orders": "orders",
    "all_orders": "all orders, also older than 60 days",
    "products": "products",
    "inventory": "inventory",
    "customer_merge": "merges of customers",
    "locations": "locations",
    "fulfillments": "fulfillments",
    "draft_orders": "draft orders",
    "discounts": "discounts",
    "price_rules": "price rules",
    "files": "files",
    "content": "online store content",
    "themes": "themes",
    "shipping": "shipping",
    "checkouts": "checkouts",
    "reports": "reports",
    "returns": "returns",
    "gift_cards": "gift cards",
    "metaobjects": "metaobjects",
}
SCOPE = re.compile(r"(read|write)_([a-z_]+)")

router = APIRouter()


class AuthorizeRequest:
    """The parameters of an authorize request, and what is wrong with them."""

    def __init__(self, client_id: str, scope: str, redirect_uri: str, state: str) -> None:
        self.client_id = client_id
        self.scopes = tuple(dict.fromkeys(part.strip() for part in scope.split(",") if part.strip()))
        self.redirect_uri = redirect_uri
        self.state = state

    def problem(self, settings: Settings) -> str | None:
        """Why Shopify would refuse this request, or None."""
        if self.client_id != settings.client_id:
            return "application_cannot_be_found: The application could not be found."
        if self.redirect_uri not in settings.redirect_uris:
            return "invalid_request: The redirect_uri is not whitelisted."
        invalid = refused_scopes(self.scopes, settings)
        if invalid or not self.scopes:
            return f"invalid_scope: These scopes are invalid: {', '.join(invalid) or '(none given)'}."
        return None


def refused_scopes(scopes: Sequence[str], settings: Settings) -> list[str]:
    """Those that Shopify does not know, or does not let this app ask for ("access scopes")."""
    may_see_all = settings.all_orders_approved and has_scope(frozenset(scopes), "read_orders")
    return [scope for scope in scopes if not _is_scope(scope) or (scope == ALL_ORDERS and not may_see_all)]


def _is_scope(scope: str) -> bool:
    parsed = SCOPE.fullmatch(scope)
    return parsed is not None and parsed[2] in SCOPE_RESOURCES


def describe(scope: str) -> str:
    """What a scope allows, in words."""
    kind, _, resource = scope.partition("_")
    return f"{'View' if kind == 'read' else 'View and manage'} {SCOPE_RESOURCES[resource]}"


@router.get("/admin/oauth/authorize")
async def consent_page(
    request: Request,
    hosted: Hosted,
    simulator: Sim,
    client_id: str = "",
    scope: str = "",
    redirect_uri: str = "",
    state: str = "",
) -> Response:
    """Ask the merchant, unless the app already has all that it asks for."""
    asked = AuthorizeRequest(client_id, scope, redirect_uri, state)
    problem = asked.problem(simulator.settings)
    if request.query_params.getlist("grant_options[]") not in ([], [""]):
        problem = "invalid_request: Only offline access is simulated."
    if problem is not None:
        return error_page(request, "This app can’t be installed", f"Oauth error {problem}", 400)
    installation = hosted.installation
    if installation is not None and installation.granted_scopes == frozenset(asked.scopes):
        return back_to_app(hosted, simulator, asked)
    page: Page = {
        "shop": hosted.shop,
        "app_name": simulator.settings.app_name,
        "asked": asked,
        "is_update": installation is not None,
        "scopes": [(one, describe(one)) for one in asked.scopes],
        "app_host": urlsplit(asked.redirect_uri).netloc,
    }
    return render(request, "consent.html", page)


@router.post("/admin/oauth/authorize")
async def decide(
    request: Request,
    hosted: Hosted,
    simulator: Sim,
    client_id: Annotated[str, Form()] = "",
    scope: Annotated[str, Form()] = "",
    redirect_uri: Annotated[str, Form()] = "",
    state: Annotated[str, Form()] = "",
    decision: Annotated[str, Form()] = "",
) -> Response:
    """Take the merchant's answer: back to the app with a code, or to the admin without."""
    asked = AuthorizeRequest(client_id, scope, redirect_uri, state)
    problem = asked.problem(simulator.settings)
    if problem is not None:
        return error_page(request, "This app can’t be installed", f"Oauth error {problem}", 400)
    if decision != "install":
        return RedirectResponse(f"{request.scope['root_path']}/admin?cancelled=1", status_code=303)
    return back_to_app(hosted, simulator, asked)


def back_to_app(hosted: HostedShop, simulator: Simulator, asked: AuthorizeRequest) -> Response:
    """Send the browser to the app with a signed code ("authorization code grant")."""
    parameters = {
        "code": simulator.tokens.issue_code(hosted.domain, asked.scopes),
        **signed_parameters(hosted, simulator),
    }
    if asked.state:
        parameters["state"] = asked.state
    return RedirectResponse(_signed(asked.redirect_uri, parameters, simulator), status_code=303)


def install_link(hosted: HostedShop, simulator: Simulator, app_url: str) -> str:
    """The App URL as Shopify opens it when a merchant installs or opens the app."""
    return _signed(app_url, signed_parameters(hosted, simulator), simulator)


def signed_parameters(hosted: HostedShop, simulator: Simulator) -> dict[str, str]:
    """What every signed redirect says of the shop."""
    handle = hosted.domain.removesuffix(".myshopify.com")
    host = base64.urlsafe_b64encode(f"admin.shopify.com/store/{handle}".encode()).decode().rstrip("=")
    return {"host": host, "shop": hosted.domain, "timestamp": str(int(simulator.now().timestamp()))}


def _signed(uri: str, parameters: dict[str, str], simulator: Simulator) -> str:
    secret = simulator.settings.client_secret.get_secret_value()
    parts = urlsplit(uri)
    query = {**dict(parse_qsl(parts.query)), **parameters}
    query["hmac"] = query_signature(secret, query)
    return parts._replace(query=urlencode(sorted(query.items()))).geturl()


@router.post("/admin/oauth/access_token")
async def access_token(request: Request, hosted: Hosted, simulator: Sim) -> Response:
    """Exchange a code, a refresh token or an old token for new ones; JSON and forms are taken."""
    asked = await _parameters(request)
    settings = simulator.settings
    if asked.get("client_id") != settings.client_id:
        return _refusal(400, "application_cannot_be_found", "The application could not be found")
    if asked.get("client_secret") != settings.client_secret.get_secret_value():
        return _refusal(400, "invalid_client", "Client authentication failed")
    grant_type = asked.get("grant_type", "")
    if grant_type == REFRESH_GRANT:
        return _refresh(hosted, simulator, asked)
    if grant_type == EXCHANGE_GRANT:
        return _exchange(hosted, simulator, asked)
    pair = simulator.tokens.redeem_code(hosted.domain, asked.get("code", ""), expiring=_is_expiring(asked))
    if pair is None:
        return _refusal(400, "invalid_request", "The authorization code was not found or was already used")
    simulator.install(hosted, pair.access.scopes)
    return _tokens(simulator, pair)


def _refresh(hosted: HostedShop, simulator: Simulator, asked: dict[str, str]) -> Response:
    pair = simulator.tokens.refresh(hosted.domain, asked.get("refresh_token", ""))
    if pair is None:
        return _refusal(401, "invalid_request", "This request requires an active refresh_token")
    return _tokens(simulator, pair)


def _exchange(hosted: HostedShop, simulator: Simulator, asked: dict[str, str]) -> Response:
    if (
        asked.get("subject_token_type") != OFFLINE_ACCESS
        or asked.get("requested_token_type") != OFFLINE_ACCESS
    ):
        return _refusal(400, "invalid_request", "Only offline access tokens can be exchanged")
    expiring = _is_expiring(asked)
    pair = simulator.tokens.exchange(hosted.domain, asked.get("subject_token", ""), expiring=expiring)
    if pair is None:
        return _refusal(400, "invalid_subject_token", "The subject token is not valid")
    return _tokens(simulator, pair)


@router.get("/admin/oauth/access_scopes.json")
async def access_scopes(session: Authenticated) -> Any:
    """What the app may do on this shop."""
    return {"access_scopes": [{"handle": scope} for scope in sorted(session.installation.granted_scopes)]}


@router.delete("/admin/api_permissions/current.json")
async def uninstall(hosted: Hosted, simulator: Sim, session: Authenticated) -> Any:
    """Uninstall the app by its own wish."""
    simulator.uninstall(hosted)
    return {}


async def _parameters(request: Request) -> dict[str, str]:
    if request.headers.get("content-type", "").startswith("application/json"):
        try:
            body = await request.json()
        except ValueError:
            return {}
        return {str(key): str(value) for key, value in body.items()} if isinstance(body, dict) else {}
    form = await request.form()
    return {key: value for key, value in form.items() if isinstance(value, str)}


def _is_expiring(asked: dict[str, str]) -> bool:
    return asked.get("expiring", "").lower() in ("1", "true")


def _tokens(simulator: Simulator, pair: Pair) -> Response:
    body: dict[str, Any] = {"access_token": pair.access.value, "scope": ",".join(pair.access.scopes)}
    if pair.refresh is not None and pair.access.expires_at is not None:
        body |= {
            "expires_in": simulator.tokens.expires_in(pair.access.expires_at),
            "refresh_token": pair.refresh.value,
            "refresh_token_expires_in": simulator.tokens.expires_in(pair.refresh.expires_at),
        }
    return JSONResponse(body, headers={"Cache-Control": "no-store"})


def _refusal(status: int, error: str, description: str) -> Response:
    return JSONResponse({"error": error, "error_description": description}, status_code=status)
