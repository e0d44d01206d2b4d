"""The page of e-mails: what a member is told, and for owners what became of each."""

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from oauth_gateway.handlers import emails, stores
from oauth_gateway.http.access import AnyOwner, AnyParts, AnyTenant, checked_form, tenant_view
from oauth_gateway.http.actions import back_to
from oauth_gateway.http.pages import NEWEST, Before, html, sheet
from oauth_gateway.http.rendering import Toast

router = APIRouter(prefix="/advertisers/{slug}/emails")

_RESENDING: Final = Toast("We'll send it again in a moment.")
_RESENT_ALREADY: Final = Toast("That email was sent again already.", tone="bad")


@router.get("")
async def page(request: Request, parts: AnyParts, tenant: AnyTenant, before: Before = NEWEST) -> Response:
    """Show a member's own choice, and to owners the e-mails below this id."""
    overview = await emails.overview(parts.gateway, tenant.membership, tenant.visit.user, before=before)
    snapshot = await stores.glance(parts.gateway, tenant.membership.advertiser_id)
    view = await tenant_view(request, parts, tenant, snapshot)
    return html(parts.pages.render("pages/emails.html", view, overview=overview))


@router.post("/preferences")
async def choose(request: Request, parts: AnyParts, tenant: AnyTenant) -> Response:
    """Switch the member's own e-mails on and off."""
    form = await checked_form(request, parts, tenant.visit.token)
    await emails.choose(parts.gateway, tenant.membership, tenant.visit.user, form.keys())
    return await back_to(request, parts, tenant, "emails", Toast("Saved."))


@router.get("/{email_id}/resend")
async def ask(request: Request, parts: AnyParts, tenant: AnyOwner, email_id: int) -> Response:
    """Ask before an e-mail is sent again that may have arrived."""
    email = await emails.to_resend(parts.gateway, tenant.membership, email_id)
    if not email.can_resend:
        return await back_to(request, parts, tenant, "emails", _RESENT_ALREADY)
    snapshot = await stores.glance(parts.gateway, tenant.membership.advertiser_id)
    return await sheet(request, parts, tenant, snapshot, "pages/resend.html", email=email)


@router.post("/{email_id}/resend")
async def resend(request: Request, parts: AnyParts, tenant: AnyOwner, email_id: int) -> Response:
    """Have an e-mail sent once more."""
    await checked_form(request, parts, tenant.visit.token)
    email = await emails.resend(parts.gateway, tenant.membership, tenant.visit.user, email_id)
    toast = _RESENDING if email.can_resend else _RESENT_ALREADY
    return await back_to(request, parts, tenant, "emails", toast)
