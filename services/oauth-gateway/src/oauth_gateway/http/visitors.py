"""Pages for people who are not logged in: their forms are bound to the browser by a cookie of its own."""

from typing import Any, Final

from fastapi import Request
from fastapi.responses import Response

from oauth_gateway.handlers.login import SESSION_LIFETIME
from oauth_gateway.http.access import Parts, checked_form, plain_view
from oauth_gateway.http.pages import html
from oauth_gateway.http.security import set_cookie

VISITOR_SECONDS: Final = 24 * 3600


def visitor_page(request: Request, parts: Parts, template: str, status: int = 200, **values: Any) -> Response:
    """Render a page whose form only this browser can send."""
    visitor = request.cookies.get(parts.site.visitor_cookie) or parts.gateway.new_token()
    text = parts.pages.render(template, plain_view(request, parts, visitor), **values)
    response = html(text, status)
    set_cookie(response, parts.site, parts.site.visitor_cookie, visitor, seconds=VISITOR_SECONDS, strict=True)
    return response


async def visitor_form(request: Request, parts: Parts) -> dict[str, str]:
    """Return the fields of a form that this browser got from such a page."""
    return await checked_form(request, parts, request.cookies.get(parts.site.visitor_cookie, ""))


def start_session(response: Response, parts: Parts, token: str) -> None:
    """Let the browser keep a session in place of the visitor's cookie."""
    seconds = int(SESSION_LIFETIME.total_seconds())
    set_cookie(response, parts.site, parts.site.session_cookie, token, seconds=seconds)
    response.delete_cookie(parts.site.visitor_cookie, secure=parts.site.is_secure, httponly=True)


def address_of(request: Request) -> str:
    """Return the network address that attempts are counted by."""
    return request.client.host if request.client else ""
