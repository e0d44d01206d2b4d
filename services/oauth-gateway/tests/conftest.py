"""The gateway on a real database, its fetcher replaced by a recorder behind real HTTP calls."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
import psycopg
import pytest
from argon2 import PasswordHasher

from local_stack.testing import StackDatabase
from oauth_gateway.clients.fetcher import FetcherClient
from oauth_gateway.domain.access import Role
from oauth_gateway.handlers import login
from oauth_gateway.handlers.context import Gateway, ShopifyApp
from oauth_gateway.handlers.live import Hub
from oauth_gateway.http.app import create_app
from oauth_gateway.http.site import Site
from sync_common.contracts.topics import OAUTH_GATEWAY
from sync_common.db import Database
from sync_common.runtime import KeyRing, ManualClock

from .seed import Seed

PUBLIC_URL = "http://127.0.0.1:8000"
NOW = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"
KEYS = KeyRing({"test-1": bytes(32)})


@dataclass
class RecordedFetcher:
    """Answers as told and remembers what was asked."""

    status: int = 200
    body: dict[str, object] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.calls.append((request.url.path, json.loads(request.content)))
        status = 204 if request.url.path.endswith("/disconnect") and self.status == 200 else self.status
        return httpx.Response(status, json=self.body)


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash passwords with the least effort: no test is about the effort."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(login, "_hasher", hasher)
    monkeypatch.setattr(login, "_NOBODYS_HASH", hasher.hash(""))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def fetcher() -> RecordedFetcher:
    return RecordedFetcher()


@pytest.fixture
async def database(stack_database: StackDatabase) -> AsyncIterator[Database]:
    opened = Database.from_url(stack_database.url_of(OAUTH_GATEWAY), application_name="test", pool_size=4)
    yield opened
    await opened.close()


@pytest.fixture
async def gateway(database: Database, clock: ManualClock, fetcher: RecordedFetcher) -> AsyncIterator[Gateway]:
    transport = httpx.MockTransport(fetcher.answer)
    async with httpx.AsyncClient(transport=transport, base_url="http://fetcher") as client:
        shopify = ShopifyApp(
            client_id="app-1",
            client_secrets=("hush", "old-hush"),
            scopes="read_customers,read_orders",
            shop_url="http://127.0.0.1:8010/shops/{shop}",
            redirect_uri=f"{PUBLIC_URL}/auth/shopify/callback",
        )
        yield Gateway(database, clock, FetcherClient(client), shopify, KEYS)


@pytest.fixture
def seed(stack_database: StackDatabase) -> Iterator[Seed]:
    with psycopg.connect(stack_database.url(), autocommit=True) as connection:
        yield Seed(connection, NOW)


@pytest.fixture
def site() -> Site:
    return Site(PUBLIC_URL, "https://help.example.com", "http://127.0.0.1:8010/shops/{shop}")


@pytest.fixture
async def browser(gateway: Gateway, site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of the app that keeps cookies and follows nothing by itself."""
    app = create_app(gateway, site, Hub(gateway, poll_seconds=0.02))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {"origin": PUBLIC_URL}
    async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL, headers=headers) as client:
        yield client


@pytest.fixture
async def acme(database: Database, seed: Seed) -> int:
    """Return the advertiser Acme Apparel, whose owner is Dana."""
    await login.create_user(
        database,
        email="dana@example.com",
        password=PASSWORD,
        name="Dana Reyes",
        advertiser="Acme Apparel",
        slug="acme",
        role=Role.OWNER,
    )
    return seed.scalar("SELECT id FROM gateway.advertisers WHERE slug = 'acme'")
