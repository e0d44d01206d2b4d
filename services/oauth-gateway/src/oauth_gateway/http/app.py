"""The ASGI app of the gateway."""

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.types import ASGIApp

from oauth_gateway.errors import NotFound
from oauth_gateway.handlers.context import Gateway
from oauth_gateway.handlers.live import Hub
from oauth_gateway.http import (
    actions,
    checks,
    emails,
    install,
    invitations,
    live,
    login,
    members,
    pages,
    password_reset,
    privacy,
)
from oauth_gateway.http.access import AnyParts, Parts
from oauth_gateway.http.assets import CACHE_CONTROL, Assets
from oauth_gateway.http.errors import add_error_pages
from oauth_gateway.http.rendering import Pages
from oauth_gateway.http.security import BodyLimit, SecurityHeaders
from oauth_gateway.http.site import Site


def create_app(gateway: Gateway, site: Site, hub: Hub) -> ASGIApp:
    """Build the app from its parts."""
    assets = Assets()
    app = FastAPI(openapi_url=None, redirect_slashes=False)  # that redirect would trust the Host header
    app.state.parts = Parts(gateway, site, Pages(assets), assets, hub)
    app.add_api_route("/static/{name}", static)
    for module in (
        login,
        password_reset,
        invitations,
        live,
        pages,
        actions,
        checks,
        install,
        members,
        privacy,
        emails,
    ):
        app.include_router(module.router)
    add_error_pages(app)
    app.add_middleware(BodyLimit)
    return SecurityHeaders(app, site)  # around everything: Starlette answers a failure outside all middleware


async def static(request: Request, name: str, parts: AnyParts) -> Response:
    """Serve a file under its hashed name."""
    asset = parts.assets.served(name)
    if asset is None:
        raise NotFound("asset")
    headers = {"cache-control": CACHE_CONTROL}
    if asset.compressed is None:
        return Response(asset.body, media_type=asset.media_type, headers=headers)
    headers["vary"] = "Accept-Encoding"
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(asset.body, media_type=asset.media_type, headers=headers)
    return Response(
        asset.compressed, media_type=asset.media_type, headers={**headers, "content-encoding": "gzip"}
    )
