"""Shopify's way in and back: the address under which it opens the app, the callback, and the page in between."""

from dataclasses import replace
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from oauth_gateway.domain.oauth import CLAIM_LIFETIME
from oauth_gateway.errors import FlowExpired, InvalidInput
from oauth_gateway.handlers import connect, install, login
from oauth_gateway.handlers.connect import Connected
from oauth_gateway.handlers.login import Visit
from oauth_gateway.http.access import AnyParts, AnyVisit, Parts, checked_form, plain_view, visit_if_any
from oauth_gateway.http.pages import html
from oauth_gateway.http.rendering import Toast
from oauth_gateway.http.security import set_cookie

router = APIRouter()

CONNECTED: Final = "Shopify store connected! Initial sync in progress..."


@router.get("/auth/shopify")
async def open_app(request: Request, parts: AnyParts) -> Response:
    """Go to the store that the visitor has connected already, else straight to Shopify's consent."""
    shop = install.verified_shop(parts.gateway, request.query_params.multi_items())
    visit = await visit_if_any(request, parts)
    if visit is not None and (slug := await install.advertiser_with(parts.gateway, visit, shop)):
        return RedirectResponse(f"/advertisers/{slug}/integrations/shopify", 303)
    begun = await install.begin(parts.gateway, shop)
    response = RedirectResponse(begun.consent, 303)
    seconds = int(CLAIM_LIFETIME.total_seconds())
    set_cookie(response, parts.site, parts.site.install_cookie, begun.browser, seconds=seconds)
    return response


@router.get("/auth/shopify/callback")
async def callback(request: Request, parts: AnyParts) -> Response:
    """Take Shopify's answer: to an install that began there, or to a connect that began here."""
    verified = connect.verified(parts.gateway, request.query_params.multi_items())
    if await install.keep(parts.gateway, request.cookies.get(parts.site.install_cookie), verified):
        return RedirectResponse("/install", 303)
    visit = await visit_if_any(request, parts)
    if visit is None:  # a state is bound to its session: to log in now would not bring it back
        raise FlowExpired
    return await _to_the_store(parts, visit, await connect.finish(parts.gateway, visit, verified))


@router.get("/install")
async def install_page(request: Request, parts: AnyParts, visit: AnyVisit) -> Response:
    """Ask which advertiser the installed shop belongs to, unless it is connected to one of the visitor's."""
    claim = await install.claim_of(parts.gateway, request.cookies.get(parts.site.install_cookie))
    if slug := await install.advertiser_with(parts.gateway, visit, claim.shop_domain):
        return RedirectResponse(f"/advertisers/{slug}/integrations/shopify", 303)
    return await _form(request, parts, visit)


@router.post("/install")
async def finish_install(request: Request, parts: AnyParts, visit: AnyVisit) -> Response:
    """Connect the installed shop to the chosen advertiser."""
    form = await checked_form(request, parts, visit.token)
    slug, shop = form.get("advertiser", ""), form.get("shop", "")
    browser = request.cookies.get(parts.site.install_cookie)
    try:
        connected = await install.finish(parts.gateway, visit, browser, shop=shop, slug=slug)
    except InvalidInput as error:
        return await _form(request, parts, visit, problem=str(error))
    response = await _to_the_store(parts, visit, connected)
    response.delete_cookie(parts.site.install_cookie, secure=parts.site.is_secure, httponly=True)
    return response


async def _form(request: Request, parts: Parts, visit: Visit, *, problem: str = "") -> Response:
    claim = await install.claim_of(parts.gateway, request.cookies.get(parts.site.install_cookie))
    choices = [membership for membership in visit.memberships if membership.can_manage]
    view = replace(plain_view(request, parts, visit.token), user=visit.user, memberships=visit.memberships)
    text = parts.pages.render("pages/install.html", view, claim=claim, choices=choices, problem=problem)
    return html(text, 422 if problem else 200 if choices else 403)


async def _to_the_store(parts: Parts, visit: Visit, connected: Connected) -> Response:
    """Lead to the page of the connected store, under the session's new id."""
    renewed = replace(visit, token=connected.token)
    await login.keep_toast(parts.gateway, renewed.token_hash, Toast(CONNECTED).to_json())
    response = RedirectResponse(f"/advertisers/{connected.slug}/integrations/shopify", 303)
    seconds = int(login.SESSION_LIFETIME.total_seconds())
    set_cookie(response, parts.site, parts.site.session_cookie, connected.token, seconds=seconds)
    return response
