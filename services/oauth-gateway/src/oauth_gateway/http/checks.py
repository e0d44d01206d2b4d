"""What a store's comparison with Shopify shows and asks."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from oauth_gateway.handlers import checks
from oauth_gateway.http.access import AnyManager, AnyParts, AnyTenant, checked_form
from oauth_gateway.http.actions import done
from oauth_gateway.http.pages import sheet
from oauth_gateway.http.rendering import Toast

router = APIRouter(prefix="/advertisers/{slug}/integrations/shopify/stores/{store_id}")


@router.get("/proof")
async def proof_page(request: Request, parts: AnyParts, tenant: AnyTenant, store_id: int) -> Response:
    """Show how a store compares with Shopify."""
    shown = await checks.store_proof(parts.gateway, tenant.membership, store_id)
    return await sheet(request, parts, tenant, shown.snapshot, "pages/proof.html", store=shown.store)


@router.post("/check")
async def check_now(request: Request, parts: AnyParts, tenant: AnyManager, store_id: int) -> Response:
    """Ask for a comparison with Shopify."""
    await checked_form(request, parts, tenant.visit.token)
    store = await checks.request_check(parts.gateway, tenant.membership, tenant.visit.user, store_id)
    return await done(request, parts, tenant, Toast(f"Checking {store.shop_domain} against Shopify."))
