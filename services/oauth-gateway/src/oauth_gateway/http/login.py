"""Log in, log out, theme."""

import re
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from oauth_gateway.errors import NotLoggedIn, TooManyAttempts, WrongCredentials
from oauth_gateway.handlers import login
from oauth_gateway.http.access import AnyParts, AnyVisit, Parts, checked_form
from oauth_gateway.http.rendering import THEMES, theme_of
from oauth_gateway.http.security import set_cookie
from oauth_gateway.http.visitors import address_of, start_session, visitor_form, visitor_page
from oauth_gateway.metrics import LOGINS

router = APIRouter()

THEME_SECONDS: Final = 365 * 24 * 3600
_LOCAL_PAGE = re.compile(
    r"/(?:login|install|invitations/[0-9a-f]{64}|advertisers/[a-z0-9-]{1,60}/(?:members|integrations(?:/shopify(?:/(?:"
    r"connect(?:\?shop=[a-z0-9][a-z0-9-]{0,80}\.myshopify\.com)?|disconnect\?store=[0-9]{1,18}|"
    r"stores/[0-9]{1,18}/(?:name|settings)|syncs/[0-9]{1,18}))?)?))"
)
_NOTICES: Final = {"password-changed": "Your password was changed. Log in with the new one."}
_WRONG = "That email and password don't match. Check both and try again."
_BLOCKED = "Too many attempts. Wait 15 minutes, then try again."


def local_page(path: str) -> str:
    """Return a page of ours that may be returned to, without a query it does not know; else the start page."""
    return next((page for page in (path, path.split("?", 1)[0]) if _LOCAL_PAGE.fullmatch(page)), "/")


@router.get("/login")
async def login_page(
    request: Request,
    parts: AnyParts,
    next: str = "",  # noqa: A002 - its name in the URL
    notice: str = "",
) -> Response:
    """Show the log-in form."""
    try:
        await login.visit(parts.gateway, request.cookies.get(parts.site.session_cookie))
    except NotLoggedIn:
        return _form(request, parts, next_path=next, notice=_NOTICES.get(notice, ""))
    return RedirectResponse(local_page(next), 303)


@router.post("/login")
async def log_in(request: Request, parts: AnyParts) -> Response:
    """Check a password and open a session."""
    form = await visitor_form(request, parts)
    email, next_path = form.get("email", ""), form.get("next", "")
    try:
        token = await login.log_in(
            parts.gateway, email=email, password=form.get("password", ""), address=address_of(request)
        )
    except WrongCredentials:
        LOGINS.labels("wrong").inc()
        return _form(request, parts, 422, email=email, next_path=next_path, problem=_WRONG)
    except TooManyAttempts:
        LOGINS.labels("blocked").inc()
        return _form(request, parts, 429, email=email, next_path=next_path, problem=_BLOCKED)
    LOGINS.labels("right").inc()
    response = RedirectResponse(local_page(next_path), 303)
    start_session(response, parts, token)
    return response


@router.post("/logout")
async def log_out(request: Request, parts: AnyParts, visit: AnyVisit) -> Response:
    """End the session."""
    form = await checked_form(request, parts, visit.token)
    await login.log_out(parts.gateway, visit.token)
    next_path = local_page(form.get("next", ""))
    response = RedirectResponse(f"/login?next={next_path}" if next_path != "/" else "/login", 303)
    response.delete_cookie(parts.site.session_cookie, secure=parts.site.is_secure, httponly=True)
    return response


@router.post("/theme")
async def change_theme(request: Request, parts: AnyParts, visit: AnyVisit) -> Response:
    """Go from the system's theme to light, to dark, and back."""
    form = await checked_form(request, parts, visit.token)
    themes = list(THEMES)
    chosen = themes[(themes.index(theme_of(request)) + 1) % len(themes)]
    response = RedirectResponse(local_page(form.get("return_to", "")), 303)
    if chosen:
        set_cookie(response, parts.site, "theme", chosen, seconds=THEME_SECONDS)
    else:
        response.delete_cookie("theme", secure=parts.site.is_secure, httponly=True)
    return response


def _form(
    request: Request,
    parts: Parts,
    status: int = 200,
    *,
    email: str = "",
    next_path: str = "",
    problem: str = "",
    notice: str = "",
) -> Response:
    return visitor_page(
        request,
        parts,
        "pages/login.html",
        status,
        email=email[:254],
        next_path=local_page(next_path).removesuffix("/"),
        problem=problem,
        notice=notice,
    )
