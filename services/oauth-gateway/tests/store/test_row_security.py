"""What the gateway's own role can and cannot see, whatever SQL it sends."""

from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from local_stack.testing import StackDatabase
from oauth_gateway.domain.access import Role
from oauth_gateway.domain.secrets import secret_hash
from oauth_gateway.domain.stores import Frequency
from oauth_gateway.handlers import login
from oauth_gateway.store import accounts, invitations, page, privacy, stores
from oauth_gateway.store.stores import BegunFlow
from sync_common.db import Database

from ..conftest import NOW, PASSWORD
from ..seed import Seed

TENANT_TABLES = (
    "gateway.advertisers",
    "gateway.memberships",
    "gateway.invitations",
    "gateway.oauth_states",
    "gateway.shopify_stores",
    "gateway.dismissed_banners",
    "gateway.data_access",
)
PUBLISHED = (
    "fetcher.installations_v1",
    "fetcher.api_health_v1",
    "sync.jobs_v1",
    "sync.store_state_v1",
    "sync.checks_v1",
    "sync.proofs_v1",
    "sync.deletions_v1",
    "records.deliveries_v1",
    "records.freshness_v1",
    "records.exports_v1",
    "records.export_chunks_v1",
    "records.compliance_receipts_v1",
    "notify.emails_v1",
)


@pytest.fixture
async def umbrella(database: Database, seed: Seed) -> int:
    """Return a second advertiser with a store, a job, a flow and a dismissal of its own."""
    await login.create_user(
        database,
        email="eve@example.com",
        password=PASSWORD,
        name="Eve",
        advertiser="Umbrella",
        slug="umbrella",
        role=Role.OWNER,
    )
    advertiser_id = seed.scalar("SELECT id FROM gateway.advertisers WHERE slug = 'umbrella'")
    user_id = seed.scalar("SELECT id FROM gateway.users WHERE email = 'eve@example.com'")
    store_id = seed.store(advertiser_id, "umbrella.myshopify.com")
    seed.job(store_id)
    async with database.transaction(advertiser_id=advertiser_id) as tx:
        await stores.begin_flow(
            tx,
            BegunFlow(advertiser_id, user_id, "umbrella.myshopify.com"),
            state_hash=secret_hash("state"),
            session_hash=secret_hash("session"),
            now=NOW,
            expires_at=NOW + timedelta(minutes=10),
        )
        await stores.dismiss_banner(
            tx, advertiser_id=advertiser_id, user_id=user_id, store_id=store_id, until=NOW + timedelta(days=1)
        )
        await invitations.put(
            tx,
            advertiser_id=advertiser_id,
            user_id=user_id,
            token_hash=secret_hash("invitation"),
            role=Role.MEMBER,
            invited_by=user_id,
            now=NOW,
            expires_at=NOW + timedelta(days=7),
        )
        export = await privacy.export(tx, advertiser_id, seed.export(store_id, [{}]))
        assert export is not None
        await privacy.note_download(tx, export, advertiser_id=advertiser_id, user_id=user_id, now=NOW)
    seed.receipt(store_id)
    seed.email(advertiser_id, user_id, store_id=store_id)
    seed.deliveries(store_id, 1)
    seed.deletions(store_id, seed.check(store_id), "orders", 1)
    seed.proof(store_id, "orders", 1)
    return int(advertiser_id)


async def count(database: Database, table: str, advertiser_id: int | None) -> int:
    async with database.transaction(advertiser_id=advertiser_id) as tx:
        return int((await tx.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one())


@pytest.mark.parametrize("table", [*TENANT_TABLES, *PUBLISHED])
async def test_rows_of_another_tenant_are_invisible(
    database: Database, acme: int, umbrella: int, table: str
) -> None:
    own = 1 if table in ("gateway.advertisers", "gateway.memberships") else 0

    assert await count(database, table, umbrella) == 1
    assert await count(database, table, acme) == own


@pytest.mark.parametrize("table", TENANT_TABLES)
async def test_without_a_tenant_there_are_no_rows(
    database: Database, acme: int, umbrella: int, table: str
) -> None:
    assert await count(database, table, None) == 0


async def test_tenant_of_one_transaction_is_gone_in_the_next(database: Database, umbrella: int) -> None:
    async with database.transaction(advertiser_id=umbrella) as tx:
        before = (await tx.execute(text("SELECT tenancy.current_id()"))).scalar_one()
    async with database.transaction() as tx:
        after = (await tx.execute(text("SELECT tenancy.current_id()"))).scalar_one()

    assert (before, after) == (umbrella, None)


async def test_row_for_another_tenant_cannot_be_written(database: Database, acme: int, umbrella: int) -> None:
    with pytest.raises(DBAPIError, match="row-level security"):
        async with database.transaction(advertiser_id=acme) as tx:
            await stores.ensure_store(tx, advertiser_id=umbrella, shop_domain="stolen.myshopify.com")


async def test_row_of_another_tenant_cannot_be_changed(
    database: Database, acme: int, umbrella: int, seed: Seed
) -> None:
    store_id = seed.scalar("SELECT id FROM gateway.shopify_stores")

    async with database.transaction(advertiser_id=acme) as tx:
        await stores.set_name(tx, store_id, "Mine")
        await stores.set_frequency(tx, store_id, Frequency.MANUAL)

    assert seed.scalar("SELECT name FROM gateway.shopify_stores") == "umbrella.myshopify.com"
    assert seed.scalar("SELECT sync_frequency FROM gateway.shopify_stores") == "hourly"


async def test_memberships_are_told_before_a_tenant_is_chosen(
    database: Database, acme: int, umbrella: int, seed: Seed
) -> None:
    user_id = seed.scalar("SELECT id FROM gateway.users WHERE email = 'dana@example.com'")

    async with database.transaction() as tx:
        found = await accounts.memberships_of(tx, user_id)

    assert [(membership.slug, membership.role) for membership in found] == [("acme", Role.OWNER)]


async def test_another_tenants_job_is_not_found(
    database: Database, acme: int, umbrella: int, seed: Seed
) -> None:
    job_id = seed.scalar("SELECT job_id FROM sync.sync_jobs")

    async with database.transaction(advertiser_id=acme) as tx:
        stolen = await page.read_job(tx, umbrella, job_id)
    async with database.transaction(advertiser_id=umbrella) as tx:
        own = await page.read_job(tx, umbrella, job_id)

    assert stolen is None
    assert own is not None


@pytest.mark.parametrize(
    ("role", "relation", "readable"),
    [
        ("svc_record_writer", "gateway.stores_v1", True),
        ("svc_sync_orchestrator", "gateway.stores_v1", True),
        ("svc_shopify_fetcher", "gateway.stores_v1", True),
        ("svc_notifier", "gateway.recipients_v1", True),
        ("svc_notifier", "gateway.users_v1", True),
        ("svc_notifier", "gateway.users", False),
        ("svc_record_writer", "gateway.sessions", False),
        ("svc_shopify_fetcher", "gateway.recipients_v1", False),
        ("svc_sync_orchestrator", "gateway.shopify_stores", False),
        ("svc_oauth_gateway", "fetcher.credentials", False),
    ],
)
def test_each_role_reads_what_it_was_granted(
    stack_database: StackDatabase, role: str, relation: str, readable: bool
) -> None:
    with psycopg.connect(stack_database.url(role)) as connection:
        if readable:
            connection.execute(f"SELECT * FROM {relation}".encode())
        else:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"SELECT * FROM {relation}".encode())


def test_workers_see_the_stores_of_all_tenants(
    stack_database: StackDatabase, acme: int, umbrella: int, seed: Seed
) -> None:
    seed.store(acme, "acme.myshopify.com")

    with psycopg.connect(stack_database.url("svc_sync_orchestrator")) as connection:
        rows = connection.execute(
            "SELECT advertiser_id, shop_domain, redact_preference FROM gateway.stores_v1 ORDER BY advertiser_id"
        ).fetchall()

    assert rows == [
        (acme, "acme.myshopify.com", "anonymise"),
        (umbrella, "umbrella.myshopify.com", "anonymise"),
    ]


async def test_creating_a_user_again_changes_it(database: Database, acme: int, seed: Seed) -> None:
    await login.create_user(
        database,
        email="Dana@Example.com",
        password=PASSWORD,
        name="Dana R.",
        advertiser="Another name",
        slug="acme",
        role=Role.ADMIN,
    )

    assert seed.scalar("SELECT count(*) FROM gateway.users") == 1
    assert seed.scalar("SELECT name FROM gateway.users") == "Dana R."
    assert seed.scalar("SELECT role FROM gateway.memberships") == "admin"
    assert seed.scalar("SELECT name FROM gateway.advertisers") == "Acme Apparel"


async def test_invitation_is_found_by_its_token_before_a_tenant_is_chosen(
    database: Database, acme: int, umbrella: int
) -> None:
    async with database.transaction() as tx:
        found = await invitations.find(tx, secret_hash("invitation"), NOW)
        others = [
            await invitations.find(tx, secret_hash("guessed"), NOW),
            await invitations.find(tx, secret_hash("invitation"), NOW + timedelta(days=7)),
        ]
        taken = await invitations.take(tx, secret_hash("invitation"), NOW)
    async with database.transaction(advertiser_id=acme) as tx:
        stolen = await invitations.take(tx, secret_hash("invitation"), NOW)

    assert found is not None
    assert found.advertiser_id == umbrella
    assert others == [None, None]
    assert (taken, stolen) == (False, False)


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("install_states", "browser_hash"),
        ("install_claims", "browser_hash"),
        ("password_resets", "user_id"),
    ],
)
def test_what_is_used_up_is_never_changed(stack_database: StackDatabase, table: str, column: str) -> None:
    with (
        psycopg.connect(stack_database.url("svc_oauth_gateway")) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(f"UPDATE gateway.{table} SET {column} = {column}".encode())


def test_every_tenant_table_forces_row_security(stack_database: StackDatabase) -> None:
    with psycopg.connect(stack_database.url()) as connection:
        unprotected = connection.execute(
            """SELECT c.relname FROM pg_class c
               JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'advertiser_id' AND NOT a.attisdropped
               WHERE c.relnamespace = 'gateway'::regnamespace AND c.relkind = 'r'
                 AND NOT (c.relrowsecurity AND c.relforcerowsecurity
                          AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'tenant'))"""
        ).fetchall()

    assert unprotected == []
