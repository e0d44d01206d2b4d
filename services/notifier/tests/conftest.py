"""A migrated database with people in it, and Loops' stub as a real HTTP server."""

import asyncio
import base64
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import httpx
import psycopg
import pytest
import uvicorn
from psycopg.rows import dict_row

from loops_stub.app import create_app
from loops_stub.settings import Settings
from loops_stub.templates import TEMPLATES
from notifier.clients.loops import Loops
from notifier.domain.links import Links
from notifier.domain.mail import Template
from notifier.handlers import on_message
from notifier.sender import Sender
from sync_common.bus import Message, Outcome
from sync_common.bus.events import event_body, event_envelope
from sync_common.contracts.events import Event
from sync_common.db import Database
from sync_common.http import make_client
from sync_common.runtime import KeyRing, SystemClock

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
KEYS = KeyRing.from_setting("k1:" + base64.b64encode(b"k" * 32).decode())
LINKS = Links("https://app.example.com", "https://app.example.com/support")


@dataclass
class People:
    """An advertiser with an owner, an admin and a plain member."""

    advertiser_id: int
    owner: int
    admin: int
    member: int


@dataclass
class World:
    """The notifier's parts around a database and a mail provider of their own."""

    database: Database
    admin_url: str
    people: People
    loops: httpx.AsyncClient
    sender: Sender

    async def hear(self, event: Event | Message, *, times: int = 1) -> list[Outcome]:
        """Deliver one event so many times."""
        message = event if isinstance(event, Message) else self.message(event)
        outcomes = []
        for _ in range(times):
            async with self.database.transaction() as tx:
                outcomes.append(await on_message(message, tx=tx, links=LINKS))
        return outcomes

    async def send_all(self) -> None:
        """Send whatever is due now."""
        while await self.sender.send_next():
            pass

    async def mails(self) -> list[dict[str, Any]]:
        """Return what the provider accepted, oldest first."""
        answer = await self.loops.get("/_admin/mails")
        return list(reversed(answer.json()))

    async def fault(self, kind: str, times: int = 1) -> None:
        """Make the provider's next answers go wrong."""
        answer = await self.loops.post("/_admin/faults", json={"kind": kind, "times": times})
        answer.raise_for_status()

    def message(self, event: Event) -> Message:
        """Return an event as the bus hands it over."""
        headers = event_envelope(event, source="test", now=NOW).to_headers()
        return Message(event.TOPIC, 0, 0, event.key().encode(), event_body(event), headers, 0)

    def another_sender(self, **changes: Any) -> Sender:
        """Return a sender that competes with this world's."""
        return replace(self.sender, **changes)

    def rows(self) -> list[dict[str, Any]]:
        """Return the mails owed as the table has them."""
        with psycopg.connect(self.admin_url, row_factory=dict_row) as connection:
            return connection.execute("SELECT * FROM notify.emails ORDER BY email_id").fetchall()

    def run(self, statement: str, *values: Any) -> None:
        """Change the database behind the service's back."""
        with psycopg.connect(self.admin_url) as connection:
            connection.execute(statement.encode(), values)


def people(admin_url: str) -> People:
    """Found an advertiser."""
    with psycopg.connect(admin_url) as connection:

        def one(statement: str, *values: Any) -> int:
            row = connection.execute(statement.encode(), values).fetchone()
            assert row is not None
            return int(row[0])

        advertiser_id = one(
            "INSERT INTO gateway.advertisers (slug, name) VALUES ('acme', 'Acme') RETURNING id"
        )
        ids = {}
        for role in ("owner", "admin", "member"):
            ids[role] = one(
                "INSERT INTO gateway.users (email, name, password_hash) VALUES (%s, %s, '-') RETURNING id",
                f"{role}@example.com",
                role.title(),
            )
            one(
                "INSERT INTO gateway.memberships (advertiser_id, user_id, role) VALUES (%s, %s, %s) RETURNING 1",
                advertiser_id,
                ids[role],
                role,
            )
        return People(advertiser_id, **ids)


@asynccontextmanager
async def running_stub() -> AsyncIterator[str]:
    """Serve Loops' stub on a port of its own."""
    app = create_app(Settings(requests_per_second=1000))
    listener = socket.create_server(("127.0.0.1", 0))  # accepts from here on, whenever the server is up
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving


@pytest.fixture
async def loops_url() -> AsyncIterator[str]:
    async with running_stub() as url:
        yield url


@pytest.fixture
async def world(stack_database: Any, loops_url: str) -> AsyncIterator[World]:
    database = Database.from_url(stack_database.url_of("notifier"), application_name="test", pool_size=4)
    client = make_client(base_url=loops_url, token="local-loops-key", read_seconds=5)
    sender = Sender(
        owner="sender-1",
        database=database,
        loops=Loops(client),
        templates={Template(known.name): known.transactional_id for known in TEMPLATES.values()},
        keys=KEYS,
        links=LINKS,
        clock=SystemClock(),
        mails_per_second=1000,
    )
    async with httpx.AsyncClient(base_url=loops_url) as loops:
        yield World(database, stack_database.url(), people(stack_database.url()), loops, sender)
    await client.aclose()
    await database.close()


@pytest.fixture
def keys() -> KeyRing:
    return KEYS
