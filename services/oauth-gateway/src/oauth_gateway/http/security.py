"""What every request and answer must satisfy: headers, size, and forms that only our pages can send."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request, Response
from starlette.datastructures import FormData, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from oauth_gateway.domain.secrets import is_form_token
from oauth_gateway.errors import InvalidInput, StaleForm
from oauth_gateway.http.site import Site

BODY_BYTES_MAX: Final = 64 * 1024
SECRET_PATHS: Final = ("/password/reset/", "/invitations/")
_FORM_FIELDS_MAX: Final = 20
_CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'{targets}; base-uri 'none'; frame-ancestors 'none'"
)


def content_security_policy(form_targets: str = "") -> str:
    """Return the policy of a page; `form_targets` are origins a form of it may lead to."""
    return _CSP.format(targets=f" {form_targets}" if form_targets else "")


class SecurityHeaders:
    """Put the strict headers on every answer; a route may have set a wider policy for its own page."""

    def __init__(self, app: ASGIApp, site: Site) -> None:
        self._app = app
        self._headers: Mapping[str, str] = {
            "content-security-policy": content_security_policy(),
            "x-content-type-options": "nosniff",
            "referrer-policy": "same-origin",
            "cross-origin-opener-policy": "same-origin",
            "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
            "cache-control": "no-store",
            **(
                {"strict-transport-security": "max-age=63072000; includeSubDomains"} if site.is_secure else {}
            ),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and complete the answer's headers."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if scope["path"].startswith(SECRET_PATHS):  # the address is a secret: it is named to nobody
                    headers.setdefault("referrer-policy", "no-referrer")
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)


class BodyLimit:
    """Refuse bodies over the limit before anybody reads them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the body's bytes as they arrive."""
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > BODY_BYTES_MAX:
                raise InvalidInput("The form is too large.")
            return message

        await self._app(scope, counted if scope["type"] == "http" else receive, send)


async def form_of(request: Request, site: Site, secret: str | None) -> FormData:
    """Read a form that must come from our own page in the session's browser; raise StaleForm otherwise."""
    if not _is_from(request, site.origin):
        raise StaleForm("origin")
    form = await request.form(max_files=0, max_fields=_FORM_FIELDS_MAX)
    if not secret or not is_form_token(text_field(form, "csrf"), secret):
        raise StaleForm("csrf")
    return form


def text_field(form: FormData, name: str) -> str:
    """Return a field's text, empty when it is missing."""
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


def set_cookie(
    response: Response, site: Site, name: str, value: str, *, seconds: int, strict: bool = False
) -> None:
    """Set a cookie that scripts cannot read."""
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path="/",
        secure=site.is_secure,
        httponly=True,
        samesite="strict" if strict else "lax",  # Shopify's redirect must bring the session's cookie along
    )


def _is_from(request: Request, origin: str) -> bool:
    """Say whether the browser names our origin; a request that names none proves nothing.

    A page that names its address to nobody posts from the origin "null", like a foreign page in a sandbox. Which of
    the two it is, browsers say in a header that no page can set.
    """
    named = request.headers.get("origin")
    if named == "null":
        return request.headers.get("sec-fetch-site") == "same-origin"
    if named is None:
        parts = urlsplit(request.headers.get("referer", ""))
        named = f"{parts.scheme}://{parts.netloc}"
    return named.lower() == origin
