"""A migrated database under this service's own role, and a connected store in it."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.rows import dict_row

from local_stack import schema
from local_stack.testing import StackDatabase
from sync_common.contracts.events.lifecycle import JobType, TriggeredBy
from sync_common.db import Database
from sync_orchestrator.domain.model import Job, JobWish
from sync_orchestrator.store import jobs, stores

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Store:
    """A store that is connected, and what the orchestrator has to say about it."""

    database: Database
    admin: "psycopg.Connection[dict[str, Any]]"
    advertiser_id: int = 11
    store_id: int = 17
    installation_id: int = 5
    shop_domain: str = "acme.myshopify.com"

    async def want(self, job_type: JobType = JobType.FULL_SYNC, **given: Any) -> tuple[Job, bool] | None:
        """Ask for a job in a transaction of its own."""
        wish = JobWish(job_type, given.pop("triggered_by", TriggeredBy.USER), **given)
        async with self.database.transaction() as tx:
            return await jobs.want(tx, self.advertiser_id, self.store_id, wish)

    async def claim(self, owner: str = "replica-a", lease_seconds: float = 30) -> Job:
        """Claim the one job that is due."""
        async with self.database.transaction() as tx:
            claimed = await jobs.claim(tx, owner=owner, lease_seconds=lease_seconds, jobs_max=10)
        assert len(claimed) == 1
        return claimed[0]

    def grant(self, *scopes: str) -> None:
        """Let the fetcher publish these scopes for the store."""
        self.admin.execute(
            """INSERT INTO fetcher.installations (id, shop_domain, api_version, access_scopes)
               OVERRIDING SYSTEM VALUE VALUES (%s, %s, '2026-10', %s)
               ON CONFLICT (id) DO UPDATE SET access_scopes = excluded.access_scopes""",
            [self.installation_id, self.shop_domain, list(scopes)],
        )
        self.admin.execute(
            """INSERT INTO fetcher.connections (advertiser_id, store_id, installation_id, status, connected_at)
               VALUES (%s, %s, %s, 'connected', now()) ON CONFLICT DO NOTHING""",
            [self.advertiser_id, self.store_id, self.installation_id],
        )

    def expire_leases(self) -> None:
        """Let time pass until every lease has run out."""
        self.admin.execute("UPDATE sync.sync_jobs SET lease_expires_at = now() - interval '1 second'")

    def rows(self, statement: str, *parameters: Any) -> Rows:
        """Look at the database as an operator would."""
        return self.admin.execute(statement, parameters).fetchall()

    def row(self, statement: str, *parameters: Any) -> dict[str, Any]:
        """Look at one row."""
        (found,) = self.rows(statement, *parameters)
        return found

    def events(self) -> list[str]:
        """Return the types of the events owed, oldest first."""
        owed = self.rows("SELECT headers ->> 'ce_type' AS type FROM sync.outbox ORDER BY id")
        return [row["type"] for row in owed]


TABLES = (
    *("sync.sync_jobs", "sync.store_state", "sync.watermarks", "sync.refetch_queue"),
    *("sync.checks", "sync.proofs", "sync.deletions"),
    *("sync.outbox", "sync.inbox", "records.job_tallies", "records.job_marks"),
    *("fetcher.connections", "fetcher.installations", "gateway.shopify_stores", "gateway.advertisers"),
)


@pytest.fixture(scope="session")
def emptied_database(postgres_url: str, template_database: str) -> Iterator[StackDatabase]:
    """Return a migrated database that this service's tests share one after the other."""
    name = f"orchestrator_{uuid4().hex[:12]}"
    schema.create_database(postgres_url, name, template=template_database)
    yield StackDatabase(postgres_url, name)
    schema.drop_database(postgres_url, name)


@pytest.fixture
def stack_database(emptied_database: StackDatabase) -> StackDatabase:
    """Return a migrated database without rows: emptying one is many times quicker than making one."""
    with psycopg.connect(emptied_database.url(), autocommit=True) as connection:
        connection.execute(";".join(f"DELETE FROM {table}" for table in TABLES))
    return emptied_database


@pytest.fixture
def admin(stack_database: StackDatabase) -> Iterator["psycopg.Connection[dict[str, Any]]"]:
    """Return a superuser's connection, for setting up and looking."""
    with psycopg.connect(stack_database.url(), autocommit=True, row_factory=dict_row) as connection:
        # It blocks the loop: waiting for a lock that a task holds would be for ever.
        connection.execute("SET lock_timeout = '5s'")
        yield connection


@pytest.fixture
async def database(stack_database: StackDatabase) -> AsyncIterator[Database]:
    """Return the database under the role that the service runs with."""
    database = Database.from_url(stack_database.url_of("sync-orchestrator"), application_name="test")
    yield database
    await database.close()


@pytest.fixture
async def store(database: Database, admin: "psycopg.Connection[dict[str, Any]]") -> Store:
    """Return a connected store."""
    store = Store(database, admin)
    async with database.transaction() as tx:
        await stores.connect(
            tx,
            advertiser_id=store.advertiser_id,
            store_id=store.store_id,
            installation_id=store.installation_id,
            shop_domain=store.shop_domain,
            generation=1,
            timezone="America/New_York",
        )
    return store
