"""The privacy page, for owners alone: data requests, who answered them, what was erased."""

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from oauth_gateway.handlers import privacy, stores
from oauth_gateway.http.access import AnyOwner, AnyParts, checked_form, tenant_view
from oauth_gateway.http.actions import back_to
from oauth_gateway.http.pages import NEWEST, Before, html
from oauth_gateway.http.rendering import Toast

router = APIRouter()


@router.get("/advertisers/{slug}/privacy")
async def page(
    request: Request,
    parts: AnyParts,
    tenant: AnyOwner,
    requests: Before = NEWEST,
    receipts: Before = NEWEST,
) -> Response:
    """Show the data requests and receipts below these ids."""
    overview = await privacy.overview(
        parts.gateway, tenant.membership, exports_before=requests, receipts_before=receipts
    )
    snapshot = await stores.glance(parts.gateway, tenant.membership.advertiser_id)
    view = await tenant_view(request, parts, tenant, snapshot)
    return html(parts.pages.render("pages/privacy.html", view, overview=overview))


@router.post("/advertisers/{slug}/privacy/requests/{export_id}")
async def download(request: Request, parts: AnyParts, tenant: AnyOwner, export_id: int) -> Response:
    """Send an export as a file. It is a POST, since it leaves a row in the log: no link can make one."""
    await checked_form(request, parts, tenant.visit.token)
    export = await privacy.begin_download(parts.gateway, tenant.membership, tenant.visit.user, export_id)
    return StreamingResponse(
        privacy.contents(parts.gateway, tenant.membership, export),
        media_type="application/json",
        headers={"content-disposition": f'attachment; filename="{export.file_name}"'},
    )


@router.post("/advertisers/{slug}/privacy/preference")
async def choose(request: Request, parts: AnyParts, tenant: AnyOwner) -> Response:
    """Change what remains of a shop that Shopify asks us to erase."""
    form = await checked_form(request, parts, tenant.visit.token)
    before, preference = await privacy.choose(
        parts.gateway, tenant.membership, form.get("redact_preference", "")
    )
    toast = Toast(
        f"Saved: {preference.label}.",
        undo_action=request.url.path,
        undo_field="redact_preference",
        undo_value=before,
    )
    return await back_to(request, parts, tenant, "privacy", toast)
