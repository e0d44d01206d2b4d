"""One web application: every shop, the administrator's API and the files of bulk operations."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles

from shopify_simulator import admin, api, oauth, pages, switches
from shopify_simulator.middleware import CallLog, Faults, ShopAddressing
from shopify_simulator.shops import AdminError, ShopifyError
from shopify_simulator.state import Simulator

ASSETS = Path(__file__).parent / "assets"


def create_app(simulator: Simulator) -> FastAPI:
    """Put the routes together around one simulator."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await simulator.deliveries.start()
        yield
        await simulator.deliveries.stop()
        simulator.bulk.close()

    app = FastAPI(title="Shopify simulator", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.simulator = simulator
    app.include_router(admin.router)
    app.include_router(switches.router)
    app.include_router(api.router)
    app.include_router(oauth.router)
    app.include_router(pages.router)
    app.mount("/assets", StaticFiles(directory=ASSETS))
    _answer_errors(app)
    app.add_middleware(Faults, simulator=simulator)
    app.add_middleware(CallLog, simulator=simulator)
    app.add_middleware(ShopAddressing)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    return app


def _answer_errors(app: FastAPI) -> None:
    @app.exception_handler(ShopifyError)
    async def shopify_error(request: Request, error: ShopifyError) -> Response:
        return JSONResponse({"errors": error.detail}, status_code=error.status_code)

    @app.exception_handler(AdminError)
    async def admin_error(request: Request, error: AdminError) -> Response:
        return JSONResponse(error.detail, status_code=error.status_code)

    @app.exception_handler(RequestValidationError)
    async def invalid_request(request: Request, error: RequestValidationError) -> Response:
        problems = [
            {"field": ".".join(str(part) for part in one["loc"][1:]), "message": one["msg"]}
            for one in error.errors()
        ]
        return JSONResponse({"error": "invalid_request", "problems": problems}, status_code=422)
