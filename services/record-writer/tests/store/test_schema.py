"""The Core tables equal the migrations, and no tenant's table lacks row-level security."""

import pytest
from sqlalchemy.dialects import postgresql

from record_writer.store.sql import LINKS, data_columns
from record_writer.store.tables import MIRROR, metadata
from sync_common.contracts.resources import Resource

COLUMNS = """
SELECT relname AS table, attname AS column, format_type(atttypid, atttypmod) AS type, attnotnull AS required
FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
WHERE relnamespace = 'records'::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
  AND relname <> 'alembic_version'
ORDER BY relname, attnum
"""
OURS = {
    *(
        "advertiser_id",
        "id",
        "source_type",
        "source_id",
        "external_id",
        "created_at",
        "updated_at",
        "deleted_at",
    ),
    *("updated_at_source", "observed_at", "content_hash", "body_hash"),
}
"""Columns of every table that no payload carries."""

SPELLINGS = {"TIMESTAMP WITH TIME ZONE": "timestamp with time zone", "NUMERIC(20, 4)": "numeric(20,4)"}


def _type(column):
    written = column.type.compile(dialect=postgresql.dialect())
    return SPELLINGS.get(written, written.lower())


async def test_core_tables_equal_the_migrations(world):
    found = {(row["table"], row["column"], row["type"], row["required"]) for row in await world.rows(COLUMNS)}

    described = {
        (table.name, column.name, _type(column), not column.nullable)
        for table in metadata.tables.values()
        for column in table.columns
    }
    assert described == found


@pytest.mark.parametrize("resource", Resource)
def test_payloads_can_carry_every_column_that_is_not_ours(resource):
    written = {column.name for column in MIRROR[resource].columns if "generated" not in column.info}

    of_this_table = {Resource.ORDERS: LINKS.keys(), Resource.PRODUCTS: {"archived_from"}}
    assert written - set(data_columns(resource)) == OURS | of_this_table.get(resource, set())


async def test_every_table_with_an_advertiser_has_forced_row_security_and_policies(world):
    rows = await world.rows("""
        SELECT relname, relrowsecurity AND relforcerowsecurity AS secured,
               (SELECT count(*) FROM pg_policy WHERE polrelid = pg_class.oid) AS policies
        FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
        WHERE relnamespace = 'records'::regnamespace AND relkind = 'r' AND attname = 'advertiser_id'
    """)

    assert len(rows) >= 12
    assert [row["relname"] for row in rows if not row["secured"] or not row["policies"]] == []


async def test_tenant_role_sees_only_its_advertisers_rows(world, records_url):
    await world.write(world.webhook("products/create", world.rest_product(7), 1))

    seen = await world.rows_as(
        "svc_oauth_gateway", "SELECT advertiser_id FROM records.products", advertiser_id=20
    )
    unset = await world.rows_as("svc_oauth_gateway", "SELECT advertiser_id FROM records.products")

    assert [row["advertiser_id"] for row in seen] == [20]
    assert unset == []


async def test_published_views_show_a_tenant_its_own_rows_and_a_worker_all(world):
    await world.write(world.read(Resource.PRODUCTS, world.graphql_product(7), 1, job_id=5))
    await world.write(
        world.read(Resource.PRODUCTS, world.graphql_product(7), 1, job_id=6, store_id=2, advertiser_id=20)
    )

    statement = "SELECT store_id, created FROM records.job_books_v1 ORDER BY store_id"
    tenant = await world.rows_as("svc_oauth_gateway", statement, advertiser_id=20)
    worker = await world.rows_as("svc_sync_orchestrator", statement)

    assert tenant == [{"store_id": 2, "created": 1}]
    assert [row["store_id"] for row in worker] == [1, 2]


async def test_search_finds_words_and_no_markup(world):
    description = "<p class='bold'>Soft <b>cotton</b></p>" + "word " * 60_000
    body = world.rest_product(7, body_html=description)
    await world.write(world.webhook("products/create", body, 1))

    found = "SELECT FROM records.products WHERE source_id = 1 AND search @@ plainto_tsquery('english', %(q)s)"

    assert await world.rows(found, q="soft cotton")
    assert not await world.rows(found, q="class")


async def test_new_tenant_is_looked_up_by_the_right_index_before_statistics_know_it(world):
    """Was: statistics of other tenants promised no rows at all for a new one, so any of its indexes would do."""
    copies = """
        INSERT INTO records.contacts (advertiser_id, source_type, source_id, external_id, email)
        SELECT %(advertiser)s, 'ShopifyStore', %(advertiser)s, n, n || '@example.com'
        FROM generate_series(1, 3000) AS n
    """
    await world.execute(copies, advertiser=10)
    await world.execute("ANALYZE records.contacts")
    await world.execute(copies, advertiser=20)

    plan = await world.rows("""
        EXPLAIN SELECT FROM records.contacts
        WHERE advertiser_id = 20 AND source_type = 'ShopifyStore' AND source_id = 20 AND external_id = ANY ('{5,6}')
    """)

    (looked_up,) = [row["QUERY PLAN"] for row in plan if "external_id =" in row["QUERY PLAN"]]
    assert looked_up.strip().startswith("Index Cond:")
