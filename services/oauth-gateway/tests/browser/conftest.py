"""A real Chromium on a real server with a shop's worth of data."""

import asyncio
import contextlib
import os
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from html import escape
from pathlib import Path
from urllib.parse import urlencode

import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from playwright.async_api import Browser, BrowserContext, Locator, Page, async_playwright, expect
from starlette.types import ASGIApp

from oauth_gateway.domain.oauth import signature
from oauth_gateway.handlers.context import Gateway
from oauth_gateway.handlers.live import Hub
from oauth_gateway.http.app import create_app
from oauth_gateway.http.site import Site

from ..conftest import PASSWORD
from ..seed import Seed

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True)
class Served:
    """The running gateway and the stores seeded into it."""

    url: str
    stores: dict[str, int]
    hub: Hub

    @property
    def shopify(self) -> str:
        return f"{self.url}/advertisers/acme/integrations/shopify"


@pytest.fixture(scope="session")
def chromium_path() -> str:
    if not Path(CHROMIUM).exists():
        pytest.skip("no Chromium found; install one or name it in CHROMIUM")
    return CHROMIUM


@pytest.fixture
async def chromium(chromium_path: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
def stores(seed: Seed, acme: int) -> dict[str, int]:
    """Seed the four stores of the design: one in its first sync, two at work, one to reconnect."""
    user_id = seed.scalar("SELECT id FROM gateway.users")
    ids = {
        "us": seed.store(acme, "acme.myshopify.com", name="Acme US"),
        "eu": seed.store(acme, "acme-eu.myshopify.com", name="Acme Europe", frequency="every_15_min"),
        "wholesale": seed.store(acme, "acme-wholesale.myshopify.com"),
        "outlet": seed.store(acme, "acme-outlet.myshopify.com"),
    }
    seed.execute("UPDATE fetcher.api_budgets SET available = 600 WHERE installation_id = 2")
    _history(seed, ids, user_id)
    seed.first_sync_pending(ids["wholesale"])
    running = seed.job(
        ids["wholesale"],
        status="running",
        job_type="full_sync",
        triggered_by="system",
        started=timedelta(minutes=-6),
        parts={
            "customers": {
                "state": "done",
                "total": 8412,
                "started_at": seed.now - timedelta(minutes=6),
                "ended_at": seed.now - timedelta(seconds=236),
            },
            "orders": {"state": "running", "total": 12300, "started_at": seed.now - timedelta(seconds=133)},
            "products": {"state": "waiting", "total": 628},
        },
    )
    seed.written(running, "customers", 8412)
    seed.written(running, "orders", 3190)
    seed.disconnect(ids["outlet"])
    seed.check(ids["us"])
    for resource, count in (("customers", 1234), ("orders", 5678), ("products", 90)):
        seed.proof(ids["us"], resource, count, lost=0)
    _webhooks(seed, ids)
    _privacy(seed, ids, user_id)
    _emails(seed, acme, ids, user_id)
    seed.rows(ids["us"], customers=1234, orders=5678, products=90)
    seed.rows(ids["eu"], customers=567, orders=1556, products=60)
    seed.rows(ids["wholesale"], customers=8412, orders=3190, products=0)
    seed.rows(ids["outlet"], customers=410, orders=1022, products=38)
    return {**ids, "running": running}


def _history(seed: Seed, ids: dict[str, int], user_id: int) -> None:
    for hours in range(26, 3, -1):
        for store in ("us", "eu"):
            seed.job(
                ids[store],
                started=timedelta(hours=-hours),
                seconds=8 + (hours * 7) % 11 + (60 if hours == 12 else 0),
                status="failed" if store == "us" and hours == 9 else "completed",
                error="API rate limit exceeded" if store == "us" and hours == 9 else None,
                parts={"customers": {"state": "done", "created": 10 * (26 - hours), "updated": 2}},
            )
    seed.job(
        ids["us"], started=timedelta(hours=-4), seconds=12, parts={"orders": {"state": "done", "created": 45}}
    )
    seed.job(
        ids["us"],
        started=timedelta(hours=-2),
        job_type="full_sync",
        triggered_by="user",
        user_id=user_id,
        parts={
            "customers": {"state": "done", "created": 120, "updated": 1114},
            "orders": {"state": "done", "created": 45, "updated": 5633},
            "products": {"state": "done", "updated": 90},
        },
    )
    with_errors = seed.job(
        ids["eu"],
        started=timedelta(hours=-1),
        seconds=72,
        parts={
            "customers": {"state": "done", "created": 8, "updated": 71, "failed": 2},
            "orders": {"state": "done", "updated": 1, "failed": 1},
        },
    )
    for resource, record_id, field, reason in (
        ("customers", "7031", "email", "is not an address"),
        ("customers", "7044", "phone", "is too long"),
        ("orders", "1182", "currency", "is missing"),
    ):
        seed.failure(with_errors, resource, record_id, field, reason)


def _webhooks(seed: Seed, ids: dict[str, int]) -> None:
    seed.deliveries(ids["us"], 60)
    seed.deliveries(ids["us"], 30, topic="products/update", took=0.6)
    seed.deliveries(ids["us"], 10, topic="customers/update", took=1.1, outcome="unchanged")


def _privacy(seed: Seed, ids: dict[str, int], user_id: int) -> None:
    """Seed a data request of every state, a download, and a receipt of every kind."""
    record = {"kind": "contact", "record": {"email": "ada@example.com"}}
    ready = seed.export(ids["us"], [record] * 3, request_id="9001")
    seed.export(ids["eu"], [record] * 12, request_id="9002", expires=timedelta(hours=-1))
    gone = seed.export(ids["outlet"], [record], request_id="9003")
    seed.execute("DELETE FROM records.exports WHERE id = %(id)s", id=gone)
    seed.execute(
        """INSERT INTO gateway.data_access (advertiser_id, user_id, action, export_id, store_id, accessed_at)
           SELECT advertiser_id, %(user)s, 'download', id, store_id, %(at)s FROM records.exports WHERE id = %(id)s""",
        user=user_id, at=seed.now - timedelta(hours=1), id=ready,
    )  # fmt: skip
    seed.receipt(ids["us"], "customers/data_request", effects={"records": 3})
    seed.receipt(ids["eu"], "customers/redact", effects={"contacts": 1, "orders": 4})
    seed.receipt(ids["us"], "shop/redact", outcome="ignored")
    erasing = seed.receipt(ids["outlet"], "shop/redact")
    seed.execute(
        """INSERT INTO records.shop_erasures (advertiser_id, store_id, generation, shop_domain, keep_anonymous,
               requested_at, webhook_id, effects)
           SELECT advertiser_id, store_id, 1, 'acme-outlet.myshopify.com', true, received_at, webhook_id,
               '{"contacts": 410, "orders": 1022}'
           FROM records.compliance_receipts WHERE id = %(id)s""",
        id=erasing,
    )


def _emails(seed: Seed, acme: int, ids: dict[str, int], user_id: int) -> None:
    """Seed an e-mail of every state, to somebody who is a member and to somebody who is not."""
    gone = user_id + 1
    for store, recipient, template, state, columns in (
        ("us", user_id, "shopify_sync_complete", "sent", {}),
        ("eu", user_id, "shopify_sync_complete", "sent", {"sent_at": seed.now - timedelta(minutes=20)}),
        ("us", user_id, "shopify_sync_failed", "unknown", {"resent_at": seed.now - timedelta(minutes=30)}),
        ("us", user_id, "shopify_sync_failed", "unknown", {"failure": "beyond_retry_window"}),
        ("outlet", user_id, "shopify_store_disconnected", "failed", {"failure": "loops_400"}),
        ("outlet", gone, "shopify_store_disconnected", "failed", {"failure": "recipient_gone"}),
        (None, gone, "advertiser_invitation", "failed", {"failure": "token_expired"}),
        (
            "eu",
            user_id,
            "shopify_sync_failed",
            "pending",
            {"attempts": 4, "due_at": seed.now + timedelta(minutes=24)},
        ),
        (None, gone, "advertiser_invitation", "pending", {}),
    ):
        seed.email(
            acme, recipient, store_id=ids[store] if store else None, template=template, state=state, **columns
        )  # fmt: skip


@contextlib.asynccontextmanager
async def serving(make_app: Callable[[str], ASGIApp]) -> AsyncIterator[str]:
    """Serve an app on a free port of loopback; the app is told its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(make_app(url), log_config=None, lifespan="off", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve(sockets=[listener]))
        yield url
        server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await running


@pytest.fixture
async def consent_url(gateway: Gateway) -> AsyncIterator[str]:
    """Serve a consent page on an origin of its own, as Shopify's is."""
    app = FastAPI()

    @app.get("/shops/{shop}/admin/oauth/authorize")
    async def authorize(request: Request, shop: str) -> Response:
        values = {
            "code": "c0de",
            "shop": shop,
            "state": request.query_params["state"],
            "timestamp": str(int(gateway.clock.now().timestamp())),
        }
        values["hmac"] = signature(list(values.items()), "hush")
        back = f"{request.query_params['redirect_uri']}?{urlencode(values)}"
        target = escape(f"/allow?{urlencode({'to': back})}")
        return HTMLResponse(
            '<html lang="en"><link rel="icon" href="data:,"><title>Consent</title>'
            f'<form method="post" action="{target}"><button>Install</button></form>'
        )

    @app.post("/allow")
    async def allow(to: str) -> Response:
        return RedirectResponse(to, 303)

    async with serving(lambda _: app) as url:
        yield url


@pytest.fixture
async def served(gateway: Gateway, stores: dict[str, int], consent_url: str) -> AsyncIterator[Served]:
    """Serve the gateway with the seeded stores."""
    hubs: list[Hub] = []

    def make_app(url: str) -> ASGIApp:
        shop_url = f"{consent_url}/shops/{{shop}}"
        shopify = replace(gateway.shopify, shop_url=shop_url, redirect_uri=f"{url}/auth/shopify/callback")
        reachable = replace(gateway, shopify=shopify)
        hubs.append(Hub(reachable, poll_seconds=0.1))
        return create_app(reachable, Site(url, "https://help.example.com", shop_url), hubs[0])

    async with serving(make_app) as url:
        yield Served(url, stores, hubs[0])
        hubs[0].closing.set()


@dataclass
class Looker:
    """Opens pages as Dana and remembers every console message."""

    page: Page
    messages: list[str]

    async def log_in(self, served: Served) -> None:
        await self.page.goto(f"{served.url}/login")
        await fill_first(self.page.get_by_label("Email"), "dana@example.com")
        await self.page.get_by_label("Password").fill(PASSWORD)
        await self.page.get_by_role("button", name="Log in").click()
        await self.page.wait_for_url("**/integrations")


async def fill_first(field: Locator, text: str) -> None:
    """Fill the field that the page itself focuses.

    It does so with its first frame, which comes about when its load ends. A test that was faster would keep the focus
    from it, and the console tells.
    """
    await expect(field).to_be_focused()
    await field.fill(text)


async def looker(context: BrowserContext) -> Looker:
    page = await context.new_page()
    messages: list[str] = []
    page.on("console", lambda message: messages.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: messages.append(f"error: {error}"))
    return Looker(page, messages)


@pytest.fixture
async def looking(chromium: Browser, served: Served) -> AsyncIterator[Looker]:
    """Return Dana at the Shopify page, logged in."""
    context = await chromium.new_context(reduced_motion="reduce")
    dana = await looker(context)
    await dana.log_in(served)
    await dana.page.goto(served.shopify)
    yield dana
    await context.close()
