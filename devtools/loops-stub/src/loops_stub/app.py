"""The app: Loops' API, the admin API and readable pages."""

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException as StarletteHTTPException

from loops_stub.api import Loops, LoopsError, router
from loops_stub.faults import Fault
from loops_stub.limiter import RateLimiter
from loops_stub.mailbox import Mailbox
from loops_stub.settings import Settings

_PAGES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "pages"), undefined=StrictUndefined, autoescape=True
)
_PAGE_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def create_app(
    settings: Settings,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    monotonic: Callable[[], float] = time.monotonic,
) -> FastAPI:
    """Build the app with an empty mailbox."""
    app = FastAPI(title="Loops stub", openapi_url=None)
    app.state.loops = Loops(
        api_key=settings.api_key.get_secret_value(),
        mailbox=Mailbox(settings.mails_max),
        limiter=RateLimiter(settings.requests_per_second, monotonic),
        now=now,
    )
    app.include_router(router)
    _add_errors(app)
    _add_admin(app, app.state.loops)
    _add_pages(app, app.state.loops)
    return app


def _add_errors(app: FastAPI) -> None:
    @app.middleware("http")
    async def rate_limit_headers(
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        response = await call_next(request)
        if request.url.path.startswith("/api/"):
            limiter: RateLimiter = app.state.loops.limiter
            response.headers["x-ratelimit-limit"] = str(limiter.limit)
            response.headers["x-ratelimit-remaining"] = str(limiter.remaining)
        return response

    @app.exception_handler(LoopsError)
    async def on_loops_error(_request: Request, error: LoopsError) -> JSONResponse:
        return _failure(error.status, error.message)

    @app.exception_handler(RequestValidationError)
    async def on_invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        places = sorted({".".join(map(str, problem["loc"][1:])) or "body" for problem in error.errors()})
        return _failure(400, f"Invalid request: {', '.join(places)}")

    @app.exception_handler(StarletteHTTPException)
    async def on_http_error(_request: Request, error: StarletteHTTPException) -> JSONResponse:
        return _failure(error.status_code, str(error.detail))


def _failure(status: int, message: str) -> JSONResponse:
    return JSONResponse({"success": False, "message": message}, status_code=status)


def _add_admin(app: FastAPI, loops: Loops) -> None:
    @app.get("/healthz")
    async def healthz() -> PlainTextResponse:
        return PlainTextResponse("ok\n")

    @app.get("/_admin/mails")
    async def mails() -> JSONResponse:
        return JSONResponse([mail.described() for mail in loops.mailbox.newest_first()])

    @app.delete("/_admin/mails", status_code=204)
    async def forget_mails() -> None:
        loops.mailbox.clear()

    @app.get("/_admin/faults")
    async def faults() -> JSONResponse:
        return JSONResponse([str(kind) for kind in loops.faults.waiting()])

    @app.post("/_admin/faults", status_code=204)
    async def add_fault(fault: Fault) -> None:
        loops.faults.add(fault)

    @app.delete("/_admin/faults", status_code=204)
    async def clear_faults() -> None:
        loops.faults.clear()


def _add_pages(app: FastAPI, loops: Loops) -> None:
    @app.get("/")
    async def inbox() -> HTMLResponse:
        return _page("inbox.html", mails=loops.mailbox.newest_first())

    @app.get("/mails/{mail_id}")
    async def mail_page(mail_id: int) -> HTMLResponse:
        mail = loops.mailbox.find(mail_id)
        if mail is None:
            raise HTTPException(404, "No such mail")
        return _page("mail.html", mail=mail)

    @app.get("/style.css")
    async def style() -> Response:
        return Response((Path(__file__).parent / "pages" / "style.css").read_bytes(), media_type="text/css")


def _page(name: str, **values: object) -> HTMLResponse:
    return HTMLResponse(_PAGES.get_template(name).render(values), headers=_PAGE_HEADERS)
