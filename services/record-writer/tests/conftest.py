"""A database with this service's schema, and the two views of its neighbours that it reads, by their contract."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg.rows import dict_row

from local_stack import schema
from local_stack.postgres import replace_database
from local_stack.repository import POSTGRES_SQL
from sync_common.db import Database
from sync_common.db.migrations import upgrade

from .builders import Records
from .world import World

MIGRATIONS = Path(__file__).parents[1] / "migrations"

NEIGHBOURS = """
CREATE TABLE gateway.stores_v1 (
    store_id bigint PRIMARY KEY, advertiser_id bigint NOT NULL, shop_domain text NOT NULL, name text,
    redact_preference text NOT NULL DEFAULT 'erase'
);
CREATE TABLE fetcher.installations_v1 (
    store_id bigint PRIMARY KEY, advertiser_id bigint NOT NULL, installation_id bigint, shop_domain text NOT NULL,
    status text NOT NULL, generation integer NOT NULL DEFAULT 1, connected_at timestamptz,
    disconnected_at timestamptz, shopify_shop_id bigint
);
GRANT SELECT ON gateway.stores_v1, fetcher.installations_v1 TO svc_record_writer;
INSERT INTO gateway.stores_v1 (store_id, advertiser_id, shop_domain) VALUES
    (1, 10, 'acme.myshopify.com'), (2, 20, 'acme.myshopify.com'), (3, 10, 'other.myshopify.com');
INSERT INTO fetcher.installations_v1 (store_id, advertiser_id, installation_id, shop_domain, status, connected_at)
VALUES (1, 10, 1, 'acme.myshopify.com', 'connected', '2026-01-01Z'),
       (2, 20, 1, 'acme.myshopify.com', 'connected', '2026-01-01Z'),
       (3, 10, 2, 'other.myshopify.com', 'connected', '2026-01-01Z');
"""


@pytest.fixture(scope="session")
def records_template(postgres_url: str) -> Iterator[str]:
    name = f"records_{uuid4().hex[:10]}"
    url = schema.create_database(postgres_url, name)
    roles = (POSTGRES_SQL / "roles.sql").read_bytes()
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute("SELECT pg_advisory_lock(%s)", [0x53484F50])  # roles belong to the whole server
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(roles)
    upgrade(replace_database(url, name, "migrate_record_writer"), migrations=MIGRATIONS, schema="records")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(NEIGHBOURS)
    yield name
    schema.drop_database(postgres_url, name)


@pytest.fixture
def records_url(postgres_url: str, records_template: str) -> Iterator[str]:
    """Return the superuser address of a fresh database with three stores: two of one shop, one of another."""
    name = f"records_{uuid4().hex[:12]}"
    yield schema.create_database(postgres_url, name, template=records_template)
    schema.drop_database(postgres_url, name)


@pytest.fixture
async def database(records_url: str) -> AsyncIterator[Database]:
    """Return the pool that the service would have: under its own role."""
    name = records_url.rsplit("/", 1)[1]
    url = replace_database(records_url, name, "svc_record_writer")
    found = Database.from_url(url, application_name="test", pool_size=4)
    yield found
    await found.close()


@pytest.fixture(scope="session")
def records() -> type[Records]:
    return Records


@pytest.fixture
async def world(database: Database, records_url: str) -> AsyncIterator[World]:
    async with await psycopg.AsyncConnection.connect(
        records_url, row_factory=dict_row, autocommit=True
    ) as superuser:
        yield World(database, records_url, superuser)
