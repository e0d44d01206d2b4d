"""What a store's comparison with Shopify shows and asks."""

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from oauth_gateway.handlers import checks
from oauth_gateway.http.access import AnyManager, AnyParts, AnyTenant, checked_form
from oauth_gateway.http.actions import done, number
from oauth_gateway.http.pages import sheet
from oauth_gateway.http.rendering import Toast, viewer_of
from oauth_gateway.store.checks import IDS_MAX
from sync_common.contracts.events.commands import DeletionDecision

router = APIRouter(prefix="/advertisers/{slug}/integrations/shopify/stores/{store_id}")

_DECIDED: Final = {
    DeletionDecision.DELETE: "Deleting",
    DeletionDecision.KEEP: "Keeping",
    DeletionDecision.UNDO: "Bringing back",
}


@router.get("/proof")
async def proof_page(request: Request, parts: AnyParts, tenant: AnyTenant, store_id: int) -> Response:
    """Show how a store compares with Shopify."""
    shown = await checks.store_proof(parts.gateway, tenant.membership, store_id)
    return await sheet(
        request,
        parts,
        tenant,
        shown.snapshot,
        "pages/proof.html",
        store=shown.store,
        deletions=shown.deletions,
        ids_max=IDS_MAX,
    )


@router.post("/check")
async def check_now(request: Request, parts: AnyParts, tenant: AnyManager, store_id: int) -> Response:
    """Ask for a comparison with Shopify."""
    await checked_form(request, parts, tenant.visit.token)
    store = await checks.request_check(parts.gateway, tenant.membership, tenant.visit.user, store_id)
    return await done(request, parts, tenant, Toast(f"Checking {store.shop_domain} against Shopify."))


@router.get("/deletions")
async def deletion_page(
    request: Request, parts: AnyParts, tenant: AnyManager, store_id: int, check: int, resource: str
) -> Response:
    """Ask before records are deleted."""
    shown, deletions = await checks.to_delete(parts.gateway, tenant.membership, store_id, check, resource)
    return await sheet(
        request,
        parts,
        tenant,
        shown.snapshot,
        "pages/deletion.html",
        store=shown.store,
        deletions=deletions,
    )


@router.post("/deletions")
async def decide(request: Request, parts: AnyParts, tenant: AnyManager, store_id: int) -> Response:
    """Delete or keep records that are no longer in Shopify, or bring them back."""
    form = await checked_form(request, parts, tenant.visit.token)
    store, deletions, decision = await checks.decide(
        parts.gateway,
        tenant.membership,
        tenant.visit.user,
        store_id,
        check_id=number(form.get("check", ""), "Choose what to decide."),
        resource=form.get("resource", ""),
        decision=form.get("decision", ""),
    )
    counted = deletions.counted(viewer_of(request, parts.gateway.clock.now()))
    return await done(
        request, parts, tenant, Toast(f"{_DECIDED[decision]} {counted} of {store.shop_domain}.")
    )
