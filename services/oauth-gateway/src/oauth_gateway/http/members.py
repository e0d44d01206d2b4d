"""The members page: who belongs to the advertiser, and what owners and admins change about it."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from oauth_gateway.domain.accounts import EMAIL_LENGTH_MAX
from oauth_gateway.errors import InvalidInput, TooManyAttempts
from oauth_gateway.handlers import members, stores
from oauth_gateway.http.access import (
    AnyManager,
    AnyOwner,
    AnyParts,
    AnyTenant,
    Parts,
    Tenant,
    checked_form,
    tenant_view,
)
from oauth_gateway.http.actions import back_to
from oauth_gateway.http.pages import html, sheet
from oauth_gateway.http.rendering import Toast

router = APIRouter(prefix="/advertisers/{slug}/members")

UserId = Annotated[int, Path(ge=1, le=2**63 - 1)]
_TOO_MANY: Final = "That were many invitations. Wait an hour, then send more."


@router.get("")
async def page(request: Request, parts: AnyParts, tenant: AnyTenant) -> Response:
    """Show the members, and to owners and admins whom they may invite and have invited."""
    return await _page(request, parts, tenant)


@router.post("/invitations")
async def invite(request: Request, parts: AnyParts, tenant: AnyManager) -> Response:
    """Mail an invitation."""
    form = await checked_form(request, parts, tenant.visit.token)
    typed = {"email": form.get("email", "")[:EMAIL_LENGTH_MAX], "typed_role": form.get("role", "")}
    try:
        email = await members.invite(
            parts.gateway,
            tenant.membership,
            tenant.visit.user,
            typed_email=form.get("email", ""),
            typed_role=form.get("role", ""),
        )
    except InvalidInput as error:
        return await _page(request, parts, tenant, 422, problem=str(error), **typed)
    except TooManyAttempts:
        return await _page(request, parts, tenant, 429, problem=_TOO_MANY, **typed)
    return await back_to(request, parts, tenant, "members", Toast(f"Invitation sent to {email}."))


@router.post("/invitations/{user_id}/withdraw")
async def withdraw(request: Request, parts: AnyParts, tenant: AnyManager, user_id: UserId) -> Response:
    """Withdraw an invitation."""
    await checked_form(request, parts, tenant.visit.token)
    await members.withdraw(parts.gateway, tenant.membership, user_id)
    return await back_to(request, parts, tenant, "members", Toast("Invitation withdrawn."))


@router.post("/{user_id}/role")
async def change_role(request: Request, parts: AnyParts, tenant: AnyOwner, user_id: UserId) -> Response:
    """Turn an admin into a member or back."""
    form = await checked_form(request, parts, tenant.visit.token)
    before, role = await members.change_role(
        parts.gateway, tenant.membership, tenant.visit.user, user_id, form.get("role", "")
    )
    toast = Toast(
        f"{before.user.name} is now {role.with_article}.",
        undo_action=request.url.path,
        undo_field="role",
        undo_value=before.role,
    )
    return await back_to(request, parts, tenant, "members", toast)


@router.get("/{user_id}/remove")
async def remove_page(request: Request, parts: AnyParts, tenant: AnyOwner, user_id: UserId) -> Response:
    """Ask before a member is removed."""
    member = await members.member(parts.gateway, tenant.membership, tenant.visit.user, user_id)
    snapshot = await stores.glance(parts.gateway, tenant.membership.advertiser_id)
    return await sheet(request, parts, tenant, snapshot, "pages/remove_member.html", member=member)


@router.post("/{user_id}/remove")
async def remove(request: Request, parts: AnyParts, tenant: AnyOwner, user_id: UserId) -> Response:
    """Remove a member."""
    await checked_form(request, parts, tenant.visit.token)
    member = await members.remove(parts.gateway, tenant.membership, tenant.visit.user, user_id)
    return await back_to(request, parts, tenant, "members", Toast(f"{member.user.name} removed."))


async def _page(
    request: Request,
    parts: Parts,
    tenant: Tenant,
    status: int = 200,
    *,
    email: str = "",
    typed_role: str = "",
    problem: str = "",
) -> Response:
    people = await members.people(parts.gateway, tenant.membership)
    snapshot = await stores.glance(parts.gateway, tenant.membership.advertiser_id)
    view = await tenant_view(request, parts, tenant, snapshot)
    typed = {"email": email, "typed_role": typed_role, "problem": problem}
    return html(parts.pages.render("pages/members.html", view, people=people, **typed), status)
