"""Errors as people meet them: what happened, and what they can do."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException
from structlog import get_logger

from oauth_gateway import errors
from oauth_gateway.domain.scopes import missing_words
from oauth_gateway.http.access import Parts, asked_page, is_fragment, parts_of, plain_view
from oauth_gateway.http.fragments import toast_fragment
from oauth_gateway.http.live import StreamNotAllowed
from oauth_gateway.http.pages import html
from oauth_gateway.http.rendering import Toast
from oauth_gateway.metrics import CALLBACKS_REFUSED, LINKS_REFUSED, UNHANDLED

log = get_logger()


@dataclass(frozen=True, slots=True)
class Told:
    """One error page."""

    status: int
    title: str
    text: str
    back: str = "/"
    back_words: str = "Back to your stores"


_NOT_FOUND: Final = Told(404, "Page not found", "This page doesn't exist, or you don't have access to it.")
_PAGES: Final[dict[type[Exception], Told]] = {
    errors.NotFound: _NOT_FOUND,
    RequestValidationError: _NOT_FOUND,
    errors.Forbidden: Told(403, "Not allowed", "Ask an owner or admin of this advertiser to do that."),
    errors.OwnersOnly: Told(
        403,
        "For owners only",
        "Customers' data, sent emails and other members are for owners of this advertiser. Ask one of them.",
    ),
    errors.ExportGone: Told(
        410,
        "This export is gone",
        "Exports are deleted when they expire, and when Shopify asks us to erase the customer or the shop. "
        "A new data request makes a new one.",
    ),
    errors.NoAdvertiser: Told(403, "No advertiser yet", "Ask an owner to invite you to theirs."),
    errors.StaleForm: Told(
        403, "This page is out of date", "Nothing was changed. Go back, reload the page and try again."
    ),
    errors.CallbackRefused: Told(
        400,
        "Shopify's answer could not be verified",
        "Nothing was connected. Start connecting the store again.",
    ),
    errors.LinkRefused: Told(
        400,
        "This address could not be verified",
        "Nothing was changed. Open the app from your Shopify admin again.",
    ),
    errors.InstallExpired: Told(
        410,
        "This installation has expired",
        "It must be finished within an hour, once, in the same browser. "
        "Open the app from your Shopify admin again.",
    ),
    errors.ResetExpired: Told(
        410,
        "This link no longer works",
        "A link for a new password works once, and for an hour. We can send you another.",
        back="/password/forgot",
        back_words="Send a new link",
    ),
    errors.InvitationExpired: Told(
        410,
        "This invitation no longer works",
        "An invitation can be accepted once, within seven days, unless it is withdrawn or replaced by a newer one. "
        "If you accepted it, log in; else ask to be invited again.",
        back="/login",
        back_words="Log in",
    ),
    errors.FlowExpired: Told(
        400,
        "This connection has expired",
        "Connecting must be finished within 10 minutes, in the same browser. Start again.",
    ),
    errors.FetcherUnavailable: Told(
        503, "We could not reach Shopify just now", "Nothing is lost. Wait a minute, then try again."
    ),
}
_REFUSALS: Final = {
    "code_refused": "Shopify's permission had already been used or was too old. Start connecting the store again.",
    "shop_mismatch": "Shopify answered for another store than the one you asked for. Nothing was connected.",
    "shop_unreachable": "Your store did not answer. Wait a minute, then start again.",
}
_FAILED: Final = Told(500, "Something went wrong", "We have been told about it. Try again in a moment.")


def add_error_pages(app: FastAPI) -> None:
    """Answer every error with a page, or with a toast where htmx asked."""
    for error in _PAGES:
        app.add_exception_handler(error, _known)
    app.add_exception_handler(errors.InvalidInput, _invalid)
    app.add_exception_handler(errors.ConnectionRefused, _refused)
    app.add_exception_handler(errors.NotLoggedIn, _to_login)
    app.add_exception_handler(StreamNotAllowed, _no_stream)
    app.add_exception_handler(errors.TooManyStreams, _too_many_streams)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


async def _known(request: Request, error: Exception) -> Response:
    if isinstance(error, errors.CallbackRefused):
        CALLBACKS_REFUSED.labels(str(error)).inc()
        log.warning("callback_refused", reason=str(error))
    if isinstance(error, errors.LinkRefused):
        LINKS_REFUSED.labels(str(error)).inc()
        log.warning("link_refused", reason=str(error))
    return _tell(request, _PAGES[type(error)])


async def _invalid(request: Request, error: Exception) -> Response:
    return _tell(request, Told(422, "That can't be done", str(error)))


async def _refused(request: Request, error: Exception) -> Response:
    refused = error if isinstance(error, errors.ConnectionRefused) else errors.ConnectionRefused("")
    code = refused.code
    if code == "scopes_missing":
        text = missing_words(refused.missing)
    else:
        text = _REFUSALS.get(code, "Start connecting the store again.")
    log.warning("connection_refused", code=code if code in (*_REFUSALS, "scopes_missing") else "other")
    return _tell(request, Told(422, "The store was not connected", text))


async def _to_login(request: Request, _error: Exception) -> Response:
    if is_fragment(request):
        return Response(status_code=200, headers={"hx-redirect": "/login"})
    if request.method != "GET" or request.url.path == "/":
        return RedirectResponse("/login", 303)
    return RedirectResponse(f"/login?next={quote(asked_page(request), safe='/')}", 303)


async def _no_stream(_request: Request, _error: Exception) -> Response:
    return PlainTextResponse("log in\n", 401)


async def _too_many_streams(_request: Request, _error: Exception) -> Response:
    return PlainTextResponse("too busy\n", 503)


async def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 404:
        return _tell(request, _NOT_FOUND)
    return _tell(request, Told(status, "That can't be done", "The page cannot be used that way."))


async def _unexpected(request: Request, error: Exception) -> Response:
    UNHANDLED.inc()
    route = request.scope.get("route")
    log.error("request_failed", route=getattr(route, "path", "none"), exc_info=error)
    return _tell(request, _FAILED)


def _tell(request: Request, told: Told) -> Response:
    parts: Parts = parts_of(request)
    view = plain_view(request, parts, "")
    if is_fragment(request):
        return html(
            toast_fragment(parts.pages, view, Toast(f"{told.title}. {told.text}", tone="bad")), told.status
        )
    values = {
        "title": told.title,
        "text": told.text,
        "back": told.back,
        "back_words": told.back_words,
    }
    if told.status == 403 and request.url.path == "/":
        values |= {"back": view.support_url, "back_words": "Get help"}
    return html(parts.pages.render("pages/error.html", view, **values), told.status)
