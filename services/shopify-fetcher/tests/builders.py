"""What tests are made of: settings, a simulated shop, a wired fetcher and its answers."""

import asyncio
import inspect
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from sqlalchemy import text

from shopify_fetcher.access.session import ShopSession
from shopify_fetcher.domain.budget import Lane
from shopify_fetcher.http import make_app
from shopify_fetcher.main import Parts
from shopify_fetcher.settings import Settings
from shopify_fetcher.store import installations
from shopify_fetcher.store.installations import Installation
from sync_common.db import Database

CLIENT_ID = "test-app"
CLIENT_SECRET = "test-app-secret"
SERVICE_TOKEN = "a-service-token-for-tests"
SCOPES = ("read_customers", "read_orders", "read_products", "read_inventory", "read_all_orders")
REDIRECT = "http://127.0.0.1:8000/shopify/callback"
MASTER_KEYS = "test:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
WEBHOOK_URI = "http://127.0.0.1:1/webhooks/shopify"


MakeShop = Callable[..., Awaitable["SimulatedShop"]]
BulkSpeed = Callable[..., Awaitable[None]]


def settings(simulator_url: str, folder: Path) -> Settings:
    """Return settings that lead to the simulator."""
    return Settings(
        environment="development",
        kafka_bootstrap="127.0.0.1:1",
        database_url="postgresql://unused",
        http_port=0,
        ops_port=0,
        service_token=SERVICE_TOKEN,
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        shopify_url=f"{simulator_url}/shops/{{shop}}",
        webhook_uri=WEBHOOK_URI,
        master_keys=MASTER_KEYS,
        bulk_folder=folder,
    )


@dataclass
class SimulatedShop:
    """One shop of the simulator, and what a merchant does there."""

    http: httpx.AsyncClient
    domain: str

    async def create(self, **wishes: object) -> None:
        """Open the shop."""
        wishes = {"customers": 5, "orders": 5, "products": 3, **wishes}
        await self._done(self.http.post("/_admin/shops", json={"shop": self.domain, **wishes}))

    async def code(self, scopes: tuple[str, ...] = SCOPES) -> str:
        """Consent to an installation and return the code that the callback would bring."""
        form = {
            "client_id": CLIENT_ID,
            "scope": ",".join(scopes),
            "redirect_uri": REDIRECT,
            "state": "1",
            "decision": "install",
        }
        response = await self.http.post(f"/shops/{self.domain}/admin/oauth/authorize", data=form)
        assert response.status_code == 303, response.text
        return parse_qs(urlsplit(response.headers["location"]).query)["code"][0]

    async def admin(self, path: str, body: object = None, *, method: str = "POST") -> Any:
        """Call the administrator's interface for this shop."""
        return await self._done(self.http.request(method, f"/_admin/shops/{self.domain}{path}", json=body))

    async def fault(self, **fault: object) -> None:
        """Let something go wrong."""
        await self.admin("/faults", [fault])

    async def truth(self, resource: str) -> dict[str, dict[str, Any]]:
        """Return every record by its number, as it really is."""
        response = await self.http.get(f"/_admin/shops/{self.domain}/truth/{resource}")
        records = [json.loads(line) for line in response.content.split(b"\n") if line]
        return {record["legacyResourceId"]: record for record in records}

    async def operations(self) -> list[str]:
        """Return the names of the GraphQL operations that the shop was sent."""
        calls = (await self.admin("/calls", method="GET"))["calls"]
        return [call["operation"] for call in calls if call["operation"]]

    async def token_calls(self) -> int:
        """Return how often the token endpoint was called."""
        calls = (await self.admin("/calls", method="GET"))["calls"]
        return sum(call["path"].endswith("/access_token") for call in calls)

    async def _done(self, request: Any) -> Any:
        response = await request
        assert response.is_success, response.text
        return response.json() if response.content else None


@dataclass
class Fetcher:
    """The wired parts with their database."""

    parts: Parts
    database: Database
    settings: Settings

    @asynccontextmanager
    async def client(self, token: str = SERVICE_TOKEN) -> AsyncIterator[httpx.AsyncClient]:
        """Open a client of the internal interface."""
        app = make_app(
            self.database,
            self.parts.access,
            self.parts.connector,
            self.parts.disconnector,
            self.parts.reader,
            self.parts.keys,
            service_token=SERVICE_TOKEN,
        )
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://fetcher",
            headers={"authorization": f"Bearer {token}"},
        ) as client:
            yield client

    async def connect(
        self, shop: SimulatedShop, *, store_id: int = 7, advertiser_id: int = 3, **code: Any
    ) -> int:
        """Connect a store and return the installation's id."""
        installation_id, _ = await self.parts.connector.connect(
            store_id=store_id,
            advertiser_id=advertiser_id,
            user_id=11,
            shop=shop.domain,
            code=await shop.code(**code),
        )
        return installation_id

    async def installation(self, installation_id: int) -> Installation:
        """Return an installation that exists."""
        async with self.database.transaction() as tx:
            found = await installations.find(tx, installation_id)
        assert found is not None
        return found

    async def session(self, installation_id: int) -> ShopSession:
        """Open the way to an installation's shop."""
        return self.parts.access.session(await self.installation(installation_id), Lane.INTERACTIVE)

    async def rows(self, statement: str, **values: object) -> list[dict[str, Any]]:
        """Return rows of the fetcher's schema."""
        async with self.database.transaction() as tx:
            return [dict(row) for row in (await tx.execute(text(statement), values)).mappings()]

    async def execute(self, statement: str, **values: object) -> None:
        """Change rows of the fetcher's schema."""
        async with self.database.transaction() as tx:
            await tx.execute(text(statement), values)

    async def events(self) -> list[str]:
        """Return the types of the events owed, in order."""
        return [
            row["type"]
            for row in await self.rows("SELECT headers->>'ce_type' AS type FROM fetcher.outbox ORDER BY id")
        ]

    async def stream(self, installation_id: int, resource: str, **query: str | int) -> list[dict[str, Any]]:
        """Read a record stream to its end."""
        async with self.client() as client:
            response = await client.get(
                f"/v1/installations/{installation_id}/records/{resource}", params=query, timeout=60
            )
        assert response.status_code == 200, response.text
        return [json.loads(line) for line in response.content.split(b"\n") if line]


async def until(condition: Callable[[], bool | Awaitable[bool]], seconds: float = 10) -> None:
    """Return once `condition` holds; fail at the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        holds = condition()
        if await holds if inspect.isawaitable(holds) else holds:
            return
        assert time.monotonic() < deadline, "the condition was not met in time"
        await asyncio.sleep(0.02)


def only(lines: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Return the lines of one type."""
    return [line for line in lines if line["type"] == kind]


async def assert_whole(shop: SimulatedShop, lines: list[dict[str, Any]]) -> None:
    """See that a stream of orders holds all of them."""
    truth = await shop.truth("orders")
    assert (lines[-1]["type"], lines[-1]["count"]) == ("done", len(truth))
    assert {line["id"] for line in only(lines, "record")} == set(truth)
