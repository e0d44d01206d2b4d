"""The pages of an advertiser: integrations, the Shopify page and a sync's details."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from oauth_gateway.domain.oauth import shop_domain
from oauth_gateway.domain.page import Snapshot
from oauth_gateway.domain.stores import STORE_NAME_LENGTH_MAX
from oauth_gateway.errors import NoAdvertiser
from oauth_gateway.handlers import stores
from oauth_gateway.http.access import (
    AnyManager,
    AnyParts,
    AnyTenant,
    AnyVisit,
    Parts,
    Tenant,
    is_fragment,
    tenant_view,
)
from oauth_gateway.http.fragments import partial
from oauth_gateway.http.security import content_security_policy

router = APIRouter()

NEWEST: Final = 2**63 - 1
Before = Annotated[int, Query(ge=1, le=NEWEST)]
"""Where a list goes on: below this id."""


@router.get("/")
async def home(visit: AnyVisit) -> Response:
    """Go to the first advertiser."""
    if not visit.memberships:
        raise NoAdvertiser
    return RedirectResponse(f"/advertisers/{visit.memberships[0].slug}/integrations", 303)


@router.get("/advertisers/{slug}/integrations")
async def integrations(request: Request, parts: AnyParts, tenant: AnyTenant) -> Response:
    """List the integrations."""
    snapshot = await stores.snapshot(parts.gateway, tenant.membership.advertiser_id)
    view = await tenant_view(request, parts, tenant, snapshot)
    synced = [store.last_sync_at for store in snapshot.stores if store.last_sync_at is not None]
    return html(
        parts.pages.render(
            "pages/integrations.html",
            view,
            snapshot=snapshot,
            connected=sum(store.is_connected for store in snapshot.stores),
            last_synced=max(synced, default=None),
        )
    )


@router.get("/advertisers/{slug}/integrations/shopify")
async def shopify(request: Request, parts: AnyParts, tenant: AnyTenant) -> Response:
    """Show the stores, their syncs and what is going on."""
    snapshot = await stores.snapshot(parts.gateway, tenant.membership.advertiser_id)
    view = await tenant_view(request, parts, tenant, snapshot)
    pace = parts.hub.pace(tenant.membership.advertiser_id, view.viewer.now)
    text = parts.pages.render("pages/shopify.html", view, snapshot=snapshot, pace=pace, shop="", problem="")
    leads_to_shopify = not snapshot.stores or (view.may_ask_history and snapshot.with_limited_history)
    return html(text, form_targets=parts.site.connect_form_targets if leads_to_shopify else "")


@router.get("/advertisers/{slug}/integrations/shopify/connect")
async def connect_page(request: Request, parts: AnyParts, tenant: AnyManager, shop: str = "") -> Response:
    """Show the form whose button begins Shopify's OAuth."""
    return await connect_form(request, parts, tenant, shop=shop)


async def connect_form(
    request: Request, parts: Parts, tenant: Tenant, *, shop: str = "", problem: str = ""
) -> Response:
    """Render the connect page, with what is wrong about the last try."""
    snapshot = await stores.glance(parts.gateway, tenant.membership.advertiser_id)
    view = await tenant_view(request, parts, tenant, snapshot)
    if is_fragment(request):
        form = parts.pages.render("fragments/connect_form.html", view, shop=shop[:200], problem=problem)
        return html(partial("connect-form", form), 422)
    again = shop_domain(shop)
    if again not in {store.shop_domain for store in snapshot.stores}:
        again = None
    text = parts.pages.render("pages/connect.html", view, shop=shop[:200], again=again, problem=problem)
    return html(text, 422 if problem else 200, form_targets=parts.site.connect_form_targets)


@router.get("/advertisers/{slug}/integrations/shopify/disconnect")
async def disconnect_page(request: Request, parts: AnyParts, tenant: AnyManager, store: int) -> Response:
    """Ask before a store is disconnected."""
    snapshot = await stores.glance(parts.gateway, tenant.membership.advertiser_id)
    shown = stores.store_in(snapshot, store)
    return await sheet(request, parts, tenant, snapshot, "pages/disconnect.html", store=shown)


@router.get("/advertisers/{slug}/integrations/shopify/stores/{store_id}/name")
async def rename_page(request: Request, parts: AnyParts, tenant: AnyManager, store_id: int) -> Response:
    """Show the form that renames a store."""
    return await rename_form(request, parts, tenant, store_id)


@router.get("/advertisers/{slug}/integrations/shopify/stores/{store_id}/products")
async def products_page(request: Request, parts: AnyParts, tenant: AnyManager, store_id: int) -> Response:
    """Show the form that gives a store's products a schedule of their own."""
    snapshot = await stores.glance(parts.gateway, tenant.membership.advertiser_id)
    shown = stores.store_in(snapshot, store_id)
    return await sheet(request, parts, tenant, snapshot, "pages/products.html", store=shown)


@router.get("/advertisers/{slug}/integrations/shopify/stores/{store_id}/settings")
async def settings_page(request: Request, parts: AnyParts, tenant: AnyManager, store_id: int) -> Response:
    """Show what can be changed about a store: the menu of its card, or a page of its own."""
    snapshot = await stores.glance(parts.gateway, tenant.membership.advertiser_id)
    template = "fragments/menu.html" if is_fragment(request) else "pages/settings.html"
    return await sheet(request, parts, tenant, snapshot, template, store=stores.store_in(snapshot, store_id))


async def rename_form(
    request: Request,
    parts: Parts,
    tenant: Tenant,
    store_id: int,
    *,
    typed: str | None = None,
    problem: str = "",
) -> Response:
    """Render the form that renames a store, with what is wrong about the last try."""
    snapshot = await stores.glance(parts.gateway, tenant.membership.advertiser_id)
    store = stores.store_in(snapshot, store_id)
    return await sheet(
        request,
        parts,
        tenant,
        snapshot,
        "pages/rename.html",
        422 if problem else 200,
        store=store,
        name=store.name if typed is None else typed,
        name_length_max=STORE_NAME_LENGTH_MAX,
        problem=problem,
    )


@router.get("/advertisers/{slug}/integrations/shopify/stores/{store_id}/deliveries")
async def deliveries_page(request: Request, parts: AnyParts, tenant: AnyTenant, store_id: int) -> Response:
    """Show the last webhooks of a store."""
    shown = await stores.store_deliveries(parts.gateway, tenant.membership, store_id)
    return await sheet(
        request,
        parts,
        tenant,
        shown.snapshot,
        "pages/deliveries.html",
        store=shown.store,
        fresh=shown.fresh,
        deliveries=shown.deliveries,
    )


@router.get("/advertisers/{slug}/integrations/shopify/syncs/{job_id}")
async def job_page(request: Request, parts: AnyParts, tenant: AnyTenant, job_id: int) -> Response:
    """Show what a sync did."""
    details = await stores.job_details(parts.gateway, tenant.membership, job_id)
    return await sheet(
        request,
        parts,
        tenant,
        details.snapshot,
        "pages/job.html",
        job=details.job,
        store=details.store,
        failures=details.failures,
    )


async def sheet(
    request: Request,
    parts: Parts,
    tenant: Tenant,
    snapshot: Snapshot,
    template: str,
    status: int = 200,
    **values: Any,
) -> Response:
    """Render a page that is a dialog where scripts run."""
    view = await tenant_view(request, parts, tenant, snapshot)
    text = parts.pages.render(template, view, as_dialog=is_fragment(request), **values)
    if is_fragment(request) and status >= 400:
        text = partial("dialog", text)  # the form that was sent swaps nothing by itself
    return html(text, status)


def html(text: str, status: int = 200, *, form_targets: str = "") -> HTMLResponse:
    """Answer with a page; what htmx gets under the same address differs."""
    headers = {"vary": "HX-Request, Cookie, Accept-Language"}
    if form_targets:
        headers["content-security-policy"] = content_security_policy(form_targets)
    return HTMLResponse(text, status, headers)
