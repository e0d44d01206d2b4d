"""What the forms of the Shopify page do. Each works by POST and 303; htmx gets the changed fragments instead."""

from dataclasses import replace

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from oauth_gateway.errors import InvalidInput
from oauth_gateway.handlers import connect, history, login, stores
from oauth_gateway.http.access import (
    AnyManager,
    AnyParts,
    AnyTenant,
    Parts,
    Tenant,
    checked_form,
    is_fragment,
    lead_to,
    tenant_view,
)
from oauth_gateway.http.fragments import page_fragments, toast_fragment
from oauth_gateway.http.pages import connect_form, html, rename_form
from oauth_gateway.http.rendering import Toast

router = APIRouter()


@router.post("/advertisers/{slug}/integrations/shopify/connect")
async def begin_connect(request: Request, parts: AnyParts, tenant: AnyManager) -> Response:
    """Begin Shopify's OAuth."""
    form = await checked_form(request, parts, tenant.visit.token)
    shop = form.get("shop", "")
    try:
        consent = await connect.begin(parts.gateway, tenant.visit, tenant.membership, typed_shop=shop)
    except InvalidInput as error:
        return await connect_form(request, parts, tenant, shop=shop, problem=str(error))
    return lead_to(request, consent)


@router.post("/advertisers/{slug}/integrations/shopify/disconnect")
async def disconnect(request: Request, parts: AnyParts, tenant: AnyManager) -> Response:
    """Disconnect a store."""
    form = await checked_form(request, parts, tenant.visit.token)
    store = await stores.disconnect(
        parts.gateway, tenant.membership, number(form.get("store", ""), "Choose a store.")
    )
    return await done(request, parts, tenant, Toast(f"{store.shop_domain} disconnected."))


@router.post("/advertisers/{slug}/integrations/shopify/stores/{store_id}/sync")
async def sync_now(request: Request, parts: AnyParts, tenant: AnyManager, store_id: int) -> Response:
    """Ask for a sync: of everything that changed, or of what the settings menu names."""
    form = await checked_form(request, parts, tenant.visit.token)
    store = await stores.request_sync(
        parts.gateway, tenant.membership, tenant.visit.user, store_id, form.get("job_type", "")
    )
    toast = Toast(f"Sync of {store.shop_domain} started.", store_id=store_id)
    return await done(request, parts, tenant, toast)


@router.post("/advertisers/{slug}/integrations/shopify/stores/{store_id}/cancel")
async def cancel(request: Request, parts: AnyParts, tenant: AnyManager, store_id: int) -> Response:
    """Ask to cancel the running sync."""
    await checked_form(request, parts, tenant.visit.token)
    store = await stores.request_cancel(parts.gateway, tenant.membership, tenant.visit.user, store_id)
    return await done(request, parts, tenant, Toast(f"Cancelling the sync of {store.shop_domain}."))


@router.post("/advertisers/{slug}/integrations/shopify/stores/{store_id}/history")
async def request_history(request: Request, parts: AnyParts, tenant: AnyManager, store_id: int) -> Response:
    """Ask for the whole order history: read it, go to Shopify for the permission, or note the wish."""
    await checked_form(request, parts, tenant.visit.token)
    store, consent = await history.request(parts.gateway, tenant.visit, tenant.membership, store_id)
    if consent is not None:
        return lead_to(request, consent)
    words = (
        "Reading your full order history, newest first."
        if store.has_all_orders
        else "Your request is noted. Shopify must approve the app first."
    )
    return await done(request, parts, tenant, Toast(words))


@router.post("/advertisers/{slug}/integrations/shopify/stores/{store_id}/history/cancel")
async def cancel_history(request: Request, parts: AnyParts, tenant: AnyManager, store_id: int) -> Response:
    """Stop reading the order history."""
    await checked_form(request, parts, tenant.visit.token)
    store = await history.cancel(parts.gateway, tenant.visit, tenant.membership, store_id)
    return await done(
        request, parts, tenant, Toast(f"No longer reading the order history of {store.shop_domain}.")
    )


@router.post("/advertisers/{slug}/integrations/shopify/stores/{store_id}/frequency")
async def change_frequency(request: Request, parts: AnyParts, tenant: AnyManager, store_id: int) -> Response:
    """Change how often a store syncs."""
    form = await checked_form(request, parts, tenant.visit.token)
    before, frequency = await stores.change_frequency(
        parts.gateway, tenant.membership, store_id, form.get("sync_frequency", "")
    )
    toast = Toast(
        f"Sync frequency changed to {frequency.label}.",
        undo_action=request.url.path,
        undo_field="sync_frequency",
        undo_value=before.frequency,
    )
    return await done(request, parts, tenant, toast)


@router.post("/advertisers/{slug}/integrations/shopify/stores/{store_id}/products")
async def change_products_frequency(
    request: Request, parts: AnyParts, tenant: AnyManager, store_id: int
) -> Response:
    """Change how often a store's products sync."""
    form = await checked_form(request, parts, tenant.visit.token)
    if "products_frequency" not in form:
        raise InvalidInput("Choose one of the frequencies in the list.")
    before, frequency = await stores.change_products_frequency(
        parts.gateway, tenant.membership, store_id, form["products_frequency"]
    )
    toast = Toast(
        f"Products frequency changed to {frequency.label if frequency else 'the same as the store'}.",
        undo_action=request.url.path,
        undo_field="products_frequency",
        undo_value=before.products_frequency or "",
    )
    return await done(request, parts, tenant, toast)


@router.post("/advertisers/{slug}/integrations/shopify/stores/{store_id}/name")
async def rename(request: Request, parts: AnyParts, tenant: AnyManager, store_id: int) -> Response:
    """Rename a store."""
    form = await checked_form(request, parts, tenant.visit.token)
    typed = form.get("name", "")
    try:
        before, name = await stores.rename(parts.gateway, tenant.membership, store_id, typed)
    except InvalidInput as error:
        return await rename_form(request, parts, tenant, store_id, typed=typed, problem=str(error))
    toast = Toast(
        f"Renamed to {name}.", undo_action=request.url.path, undo_field="name", undo_value=before.name
    )
    return await done(request, parts, tenant, toast)


@router.post("/advertisers/{slug}/integrations/shopify/stores/{store_id}/dismiss")
async def dismiss(request: Request, parts: AnyParts, tenant: AnyTenant, store_id: int) -> Response:
    """Hide a store's banner for a day."""
    await checked_form(request, parts, tenant.visit.token)
    await stores.dismiss(parts.gateway, tenant.membership, tenant.visit.user, store_id)
    return await done(request, parts, tenant, Toast("Dismissed for 24 hours."))


async def done(
    request: Request,
    parts: Parts,
    tenant: Tenant,
    toast: Toast,
) -> Response:
    """Answer an action: fragments and toast for htmx, else back to the page, which shows the toast."""
    if not is_fragment(request):
        await login.keep_toast(parts.gateway, tenant.visit.token_hash, toast.to_json())
        return RedirectResponse(f"/advertisers/{tenant.membership.slug}/integrations/shopify", 303)
    snapshot = await stores.snapshot(parts.gateway, tenant.membership.advertiser_id)
    view = await tenant_view(request, parts, tenant, snapshot)
    if toast.store_id is not None:
        parts.hub.wish(stores.store_in(snapshot, toast.store_id))
    view = replace(view, just_requested=parts.hub.starting(snapshot))
    pace = parts.hub.pace(tenant.membership.advertiser_id, view.viewer.now)
    fragments = page_fragments(parts.pages, view, snapshot, pace)
    return html(fragments.everything() + toast_fragment(parts.pages, view, toast))


async def back_to(request: Request, parts: Parts, tenant: Tenant, page: str, toast: Toast) -> Response:
    """Answer an action by loading a page of the advertiser anew, which shows the toast.

    An Undo comes by htmx: morphing would not touch what was clicked since.
    """
    await login.keep_toast(parts.gateway, tenant.visit.token_hash, toast.to_json())
    return lead_to(request, f"/advertisers/{tenant.membership.slug}/{page}")


def number(text: str, problem: str) -> int:
    """Read the id that a form names; raise InvalidInput for anything else."""
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise InvalidInput(problem)
    return int(text)
