"""Ask for a new password, and choose it."""

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from oauth_gateway.domain.accounts import PASSWORD_LENGTH_MAX, PASSWORD_LENGTH_MIN, clean_email
from oauth_gateway.errors import InvalidInput, TooManyAttempts
from oauth_gateway.handlers import password_reset
from oauth_gateway.http.access import AnyParts, Parts
from oauth_gateway.http.visitors import address_of, visitor_form, visitor_page

router = APIRouter()

_NO_EMAIL: Final = "That is not an email address. Check it and try again."
_BLOCKED: Final = "Too many requests. Wait an hour, then try again."


@router.get("/password/forgot")
async def forgot_page(request: Request, parts: AnyParts, sent: bool = False) -> Response:
    """Ask for an e-mail, or say that a mail is on its way."""
    return _forgot(request, parts, sent=sent)


@router.post("/password/forgot")
async def forgot(request: Request, parts: AnyParts) -> Response:
    """Have a link mailed; the answer is the same whether there is such a user or not."""
    form = await visitor_form(request, parts)
    typed = form.get("email", "")
    email = clean_email(typed)
    if email is None:
        return _forgot(request, parts, 422, email=typed, problem=_NO_EMAIL)
    try:
        await password_reset.ask(parts.gateway, email=email, address=address_of(request))
    except TooManyAttempts:
        return _forgot(request, parts, 429, email=typed, problem=_BLOCKED)
    return RedirectResponse("/password/forgot?sent=true", 303)


@router.get("/password/reset/{token}")
async def reset_page(request: Request, parts: AnyParts, token: str) -> Response:
    """Show the form for a new password."""
    return await _reset(request, parts, token)


@router.post("/password/reset/{token}")
async def reset(request: Request, parts: AnyParts, token: str) -> Response:
    """Set the new password and lead to the log-in."""
    form = await visitor_form(request, parts)
    password = form.get("password", "")
    try:
        await password_reset.finish(parts.gateway, token, password=password, address=address_of(request))
    except InvalidInput as error:
        return await _reset(request, parts, token, problem=str(error))
    return RedirectResponse("/login?notice=password-changed", 303)


def _forgot(
    request: Request,
    parts: Parts,
    status: int = 200,
    *,
    sent: bool = False,
    email: str = "",
    problem: str = "",
) -> Response:
    return visitor_page(
        request, parts, "pages/forgot.html", status, sent=sent, email=email[:254], problem=problem
    )


async def _reset(request: Request, parts: Parts, token: str, *, problem: str = "") -> Response:
    email = await password_reset.email_of(parts.gateway, token)
    lengths = {"length_min": PASSWORD_LENGTH_MIN, "length_max": PASSWORD_LENGTH_MAX}
    status = 422 if problem else 200
    return visitor_page(request, parts, "pages/reset.html", status, email=email, problem=problem, **lengths)
