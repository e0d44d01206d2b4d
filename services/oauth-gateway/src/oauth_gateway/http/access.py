"""Who a request comes from, and for which advertiser: the dependencies of the routes."""

from dataclasses import dataclass, replace
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.responses import RedirectResponse, Response

from oauth_gateway.domain.access import Membership
from oauth_gateway.domain.page import Snapshot
from oauth_gateway.domain.secrets import form_token
from oauth_gateway.errors import Forbidden, NotLoggedIn, OwnersOnly
from oauth_gateway.handlers import login, stores
from oauth_gateway.handlers.context import Gateway
from oauth_gateway.handlers.live import Hub
from oauth_gateway.handlers.login import Visit
from oauth_gateway.http.assets import Assets
from oauth_gateway.http.rendering import Pages, Toast, View, theme_of, viewer_of
from oauth_gateway.http.security import form_of, text_field
from oauth_gateway.http.site import Site


@dataclass(frozen=True, slots=True)
class Parts:
    """What the routes work with; kept on the app."""

    gateway: Gateway
    site: Site
    pages: Pages
    assets: Assets
    hub: Hub


@dataclass(frozen=True, slots=True)
class Tenant:
    """A request of a member, within one advertiser."""

    visit: Visit
    membership: Membership

    def must_manage(self) -> None:
        """Raise Forbidden for those who may only look."""
        if not self.membership.can_manage:
            raise Forbidden("manage")


def parts_of(request: Request) -> Parts:
    """Return the parts that the app was built from."""
    parts: Parts = request.app.state.parts
    return parts


async def visit_of(request: Request, parts: Annotated[Parts, Depends(parts_of)]) -> Visit:
    """Return the request's session; raise NotLoggedIn when there is none."""
    return await login.visit(parts.gateway, request.cookies.get(parts.site.session_cookie))


async def visit_if_any(request: Request, parts: Annotated[Parts, Depends(parts_of)]) -> Visit | None:
    """Return the request's session, if there is one."""
    try:
        return await visit_of(request, parts)
    except NotLoggedIn:
        return None


async def tenant_of(slug: str, visit: Annotated[Visit, Depends(visit_of)]) -> Tenant:
    """Return the member behind a request; raise NotFound for somebody else's advertiser."""
    return Tenant(visit, visit.member_of(slug))


async def manager_of(tenant: Annotated[Tenant, Depends(tenant_of)]) -> Tenant:
    """Return the owner or admin behind a request; raise Forbidden for a member who may only look."""
    tenant.must_manage()
    return tenant


async def owner_of(tenant: Annotated[Tenant, Depends(tenant_of)]) -> Tenant:
    """Return the owner behind a request; raise OwnersOnly for everybody else."""
    if not tenant.membership.is_owner:
        raise OwnersOnly
    return tenant


AnyParts = Annotated[Parts, Depends(parts_of)]
AnyVisit = Annotated[Visit, Depends(visit_of)]
VisitIfAny = Annotated[Visit | None, Depends(visit_if_any)]
AnyTenant = Annotated[Tenant, Depends(tenant_of)]
AnyManager = Annotated[Tenant, Depends(manager_of)]
AnyOwner = Annotated[Tenant, Depends(owner_of)]


def plain_view(request: Request, parts: Parts, secret: str) -> View:
    """Return the view of a page outside any advertiser."""
    return View(
        viewer=viewer_of(request, parts.gateway.clock.now()),
        csrf=form_token(secret),
        path=request.url.path,
        support_url=parts.site.support_url,
        shop_url=parts.site.shop_url,
        theme=theme_of(request),
    )


async def tenant_view(request: Request, parts: Parts, tenant: Tenant, snapshot: Snapshot) -> View:
    """Return the view of an advertiser's page, with its banners and the toast its session was owed."""
    toast = tenant.visit.toast
    if toast is not None and not is_fragment(request):
        await login.keep_toast(parts.gateway, tenant.visit.token_hash, None)
    else:
        toast = None
    shown = Toast(**toast) if toast else None
    view = View(
        viewer=viewer_of(request, parts.gateway.clock.now(), snapshot.timezone),
        csrf=form_token(tenant.visit.token),
        path=asked_page(request),
        support_url=parts.site.support_url,
        shop_url=parts.site.shop_url,
        may_ask_history=parts.gateway.shopify.historical_orders,
        theme=theme_of(request),
        user=tenant.visit.user,
        membership=tenant.membership,
        memberships=tenant.visit.memberships,
        section=section_of(request),
        toast=shown,
        just_requested=shown.just_requested if shown else frozenset(),
    )
    return await with_banners(view, parts, tenant, snapshot)


async def with_banners(view: View, parts: Parts, tenant: Tenant, snapshot: Snapshot) -> View:
    """Add the stores to warn of, without those this user has dismissed for now."""
    attention = snapshot.attention
    if not attention:
        return replace(view, attention=0, banners=())
    hidden = await stores.dismissed(parts.gateway, tenant.membership, tenant.visit.user)
    shown = [store for store in attention if store.id not in hidden]
    return replace(view, attention=len(attention), banners=shown)


def asked_page(request: Request) -> str:
    """Return the path and query of the page that was asked for."""
    return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path


def section_of(request: Request) -> str:
    """Return the entry of the navigation that the reader's page belongs to; htmx names the page that asks."""
    page = (
        urlsplit(request.headers["hx-current-url"]).path
        if "hx-current-url" in request.headers
        else request.url.path
    )
    entry = "".join(page.split("/")[3:4])
    return entry if entry in ("emails", "members", "privacy") else "integrations"


def lead_to(request: Request, address: str) -> Response:
    """Answer an action with another page: by a redirect, which htmx must be told to follow as a whole page."""
    if is_fragment(request):
        return Response(status_code=200, headers={"hx-redirect": address})
    return RedirectResponse(address, 303)


def is_fragment(request: Request) -> bool:
    """Say whether htmx asked; it only picks between fragment and page."""
    return request.headers.get("hx-request") == "true"


async def checked_form(request: Request, parts: Parts, secret: str) -> dict[str, str]:
    """Return the text fields of a form that provably comes from our page."""
    form = await form_of(request, parts.site, secret)
    return {name: text_field(form, name) for name in form}
