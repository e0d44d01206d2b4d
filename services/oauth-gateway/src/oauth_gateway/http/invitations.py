"""The page behind an invitation's link."""

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from oauth_gateway.domain.accounts import NAME_LENGTH_MAX, PASSWORD_LENGTH_MAX, PASSWORD_LENGTH_MIN
from oauth_gateway.domain.members import Invitation
from oauth_gateway.domain.secrets import secret_hash
from oauth_gateway.errors import InvalidInput
from oauth_gateway.handlers import invitations, login
from oauth_gateway.handlers.login import Visit
from oauth_gateway.http.access import AnyParts, Parts, VisitIfAny, checked_form, plain_view
from oauth_gateway.http.pages import html
from oauth_gateway.http.rendering import Toast
from oauth_gateway.http.visitors import start_session, visitor_form, visitor_page

router = APIRouter(prefix="/invitations/{token}")


@router.get("")
async def page(request: Request, parts: AnyParts, visit: VisitIfAny, token: str) -> Response:
    """Show who invites to what, and how to accept."""
    return _page(request, parts, visit, await invitations.find(parts.gateway, token))


@router.post("")
async def accept(request: Request, parts: AnyParts, visit: VisitIfAny, token: str) -> Response:
    """Make the visitor a member and lead to the advertiser, in a session of its own."""
    form = await (checked_form(request, parts, visit.token) if visit else visitor_form(request, parts))
    invitation = await invitations.find(parts.gateway, token)
    name = form.get("name", "")
    try:
        if invitation.has_password:
            session = await invitations.accept(parts.gateway, visit, invitation, token)
        else:
            session = await invitations.register(
                parts.gateway, visit, invitation, token, name=name, password=form.get("password", "")
            )
    except InvalidInput as error:
        return _page(request, parts, visit, invitation, 422, name=name, problem=str(error))
    words = f"You are now {invitation.role.with_article} of {invitation.advertiser_name}."
    await login.keep_toast(parts.gateway, secret_hash(session), Toast(words).to_json())
    response = RedirectResponse(f"/advertisers/{invitation.slug}/integrations", 303)
    start_session(response, parts, session)
    return response


def _page(
    request: Request,
    parts: Parts,
    visit: Visit | None,
    invitation: Invitation,
    status: int = 200,
    *,
    name: str = "",
    problem: str = "",
) -> Response:
    values = {
        "invitation": invitation,
        "user": visit.user if visit else None,
        "name": name[:NAME_LENGTH_MAX],
        "name_length_max": NAME_LENGTH_MAX,
        "length_min": PASSWORD_LENGTH_MIN,
        "length_max": PASSWORD_LENGTH_MAX,
        "problem": problem,
    }
    if visit is None:
        return visitor_page(request, parts, "pages/invitation.html", status, **values)
    view = plain_view(request, parts, visit.token)
    return html(parts.pages.render("pages/invitation.html", view, **values), status)
