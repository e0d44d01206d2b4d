"""What runs all day reads the rows it is about, and not every tenant's. Counted while the statements run."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.rows import scalar_row
from sqlalchemy.dialects.postgresql.psycopg import dialect

from local_stack import schema
from local_stack.testing import StackDatabase
from record_writer.store.sql import query
from sync_common.contracts.topics import OAUTH_GATEWAY, RECORD_WRITER, SYNC_ORCHESTRATOR
from sync_common.db import load_sql

from .seeding import seed

TENANTS = 3_000
LARGE = 7  # this tenant has many records
RECORDS = 3_000
ANONYMOUS_TO = "o2"  # its orders up to here have been anonymised
MANY = f"""
INSERT INTO records.contacts (advertiser_id, source_type, source_id, external_id, email, tags, total_spent,
                              last_order_at)
    SELECT {LARGE}, 'ShopifyStore', {LARGE}, 'c' || n, 'Person' || n || '@example.com', ARRAY['tag' || n], n,
           timestamptz '2026-01-01Z' + n * interval '1 minute'
    FROM generate_series(1, {RECORDS}) AS n;
INSERT INTO records.orders (advertiser_id, source_type, source_id, external_id, currency, total_price, ordered_at,
                            product_ids, customer_external_id, email, metadata)
    SELECT {LARGE}, 'ShopifyStore', {LARGE}, 'o' || n, 'USD', 1, timestamptz '2026-01-01Z' + n * interval '1 minute',
           ARRAY['p' || n], 'c' || n, 'Person' || n || '@example.com',
           CASE WHEN 'o' || n <= '{ANONYMOUS_TO}' THEN '{{"redacted": true}}'::jsonb ELSE '{{}}' END
    FROM generate_series(1, {RECORDS}) AS n;
UPDATE records.orders SET contact_id = contact.id, match_rank = 3
    FROM records.contacts AS contact
    WHERE contact.advertiser_id = {LARGE} AND orders.advertiser_id = {LARGE}
      AND contact.external_id = orders.customer_external_id;
INSERT INTO records.products (advertiser_id, source_type, source_id, external_id, title)
    SELECT {LARGE}, 'ShopifyStore', {LARGE}, 'p' || n, 'Word' || n FROM generate_series(1, {RECORDS}) AS n;
INSERT INTO records.deliveries (advertiser_id, store_id, topic, webhook_id, digest, received_at, applied_at, outcome)
    SELECT {LARGE}, store_id, 'orders/create', 'n' || n, 'd', at, at + n * interval '1 second', 'updated'
    FROM generate_series(1, {RECORDS}) AS n, (VALUES ({LARGE}), (-1)) AS stores (store_id),
         LATERAL (SELECT timestamptz '2020-01-01Z' + n * interval '1 minute') AS minute (at);
"""
LEAKPROOF = {
    "contacts by e-mail": "records.contacts WHERE email_key = lower('PERSON5@example.com')",
    "contacts by recency": "records.contacts WHERE last_order_at < '2026-01-01 00:05Z'",
    "orders by time": "records.orders WHERE ordered_at < '2026-01-01 00:05Z'",
}
NOT_LEAKPROOF = {
    "contacts by tag": "records.contacts WHERE tags @> ARRAY['tag5']",
    "contacts by spend": "records.contacts WHERE total_spent > 2995",
    "orders by product": "records.orders WHERE product_ids @> ARRAY['p5']",
    "products by word": "records.products WHERE search @@ to_tsquery('english', 'word5')",
}


RECENT_JOB = f"""
INSERT INTO records.job_ledger (advertiser_id, job_id, resource, external_id, store_id, outcome)
    SELECT {LARGE}, -1, 'customers', 'c' || n, {LARGE}, CASE WHEN n <= 10 THEN 'updated' ELSE 'unchanged' END
    FROM generate_series(2, {RECORDS}) AS n
"""
OF_THE_LARGE_ONE = f"advertiser_id = {LARGE} AND store_id = {LARGE} AND resource = %(resource)s"
PROVE_COUNT = f"""
SELECT count(*) FROM records.mirror_v1
WHERE {OF_THE_LARGE_ONE} AND deleted_at IS NULL AND (created_at_source IS NULL OR created_at_source <= now())
"""
PROVE_SOME = f"""
SELECT found.* FROM unnest(%(ids)s::text[]) AS wanted (record_id) CROSS JOIN LATERAL (
    SELECT * FROM records.mirror_v1 WHERE {OF_THE_LARGE_ONE} AND record_id = wanted.record_id OFFSET 0
) AS found
"""
PROVE_UNSEEN = f"""
SELECT record_id FROM records.mirror_v1
WHERE {OF_THE_LARGE_ONE} AND deleted_at IS NULL AND observed_at < now()
EXCEPT
SELECT record_id FROM records.job_outcomes_v1 WHERE {OF_THE_LARGE_ONE} AND job_id = -1
"""
PROVE_LOST = f"""
SELECT record_id FROM records.mirror_v1 WHERE {OF_THE_LARGE_ONE} AND updated_at_source < now()
INTERSECT
SELECT record_id FROM records.job_outcomes_v1
WHERE {OF_THE_LARGE_ONE} AND job_id = -1 AND outcome IN ('created', 'updated')
"""


@pytest.fixture(scope="module")
def seeded(postgres_url: str, template_database: str) -> Iterator[StackDatabase]:
    """Return a database with many tenants, and statistics of them."""
    name = f"plans_{uuid4().hex[:12]}"
    url = schema.create_database(postgres_url, name, template=template_database)
    with psycopg.connect(url, autocommit=True) as admin:
        seed(admin, tenants=TENANTS)
        admin.execute(MANY)
        admin.execute("VACUUM ANALYZE")
        admin.execute(RECENT_JOB)  # of which the statistics know nothing yet
    yield StackDatabase(postgres_url, name)
    schema.drop_database(postgres_url, name)


def rows_read(url: str, statement: str, parameters: dict[str, Any], *, advertiser_id: int | str = "") -> int:
    """Run a statement, take it back, and return how many rows of tables it looked at."""
    with psycopg.connect(url, row_factory=scalar_row) as connection:
        connection.execute("SELECT set_config('app.advertiser_id', %s, true)", [str(advertiser_id)])
        explained = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}".encode()
        answer = connection.execute(explained, parameters).fetchone()
        connection.rollback()
    assert answer
    return _looked_at(answer[0]["Plan"])


def _looked_at(node: dict[str, Any]) -> int:
    here = 0
    if "Relation Name" in node and node["Node Type"] != "ModifyTable":
        removed = (value for name, value in node.items() if name.startswith("Rows Removed by"))
        here = round((node["Actual Rows"] + sum(removed)) * node["Actual Loops"])
    return here + sum(_looked_at(child) for child in node.get("Plans", ()))


@pytest.mark.parametrize(
    ("statement", "parameters"),
    [
        ("targets_of_shops", {"shops": ["s7.myshopify.com", "s8.myshopify.com"]}),
        ("targets_of_stores", {"store_ids": [7, 8]}),
        ("stores_of_shop", {"shop": "s7.myshopify.com"}),
    ],
)
def test_looking_up_whose_a_webhook_is_reads_the_stores_of_its_shops(
    seeded: StackDatabase, statement: str, parameters: dict[str, Any]
) -> None:
    """Was: every batch read all stores of all tenants, since a join does not reach into a view with a barrier."""
    assert 1 <= rows_read(seeded.url_of(RECORD_WRITER), query(statement), parameters) <= 10


def test_new_job_is_estimated_from_the_stores_own_last_one(seeded: StackDatabase) -> None:
    """Was: the parts of all jobs of all tenants were read, since their key begins with the advertiser."""
    parameters = {
        "advertiser_id": 7,
        "store_id": 7,
        "job_type": "incremental_sync",
        "triggered_by": "user",
        "triggered_by_user_id": None,
        "schedule_slot": None,
        "skips_products": False,
        "attempt": 0,
        "retry_of_job_id": None,
        "due_at": None,
        "delay_seconds": 0.0,
    }
    statement = str(load_sql("sync_orchestrator.store", "insert_job").compile(dialect=dialect()))

    assert 1 <= rows_read(seeded.url_of(SYNC_ORCHESTRATOR), statement, parameters) <= 20


@pytest.mark.parametrize("view", ["public.sync_jobs", "public.shopify_stores"])
def test_tenants_newest_job_and_stores_are_found_without_reading_those_of_others(
    seeded: StackDatabase, view: str
) -> None:
    """Was: the filter of published views was an OR, which no index decides."""
    statement = f"SELECT * FROM {view} ORDER BY created_at DESC LIMIT 1"

    assert 1 <= rows_read(seeded.url_of(OAUTH_GATEWAY), statement, {}, advertiser_id=7) <= 10


@pytest.mark.parametrize("view", ["records.deliveries_v1", "records.freshness_v1"])
def test_how_fresh_a_tenants_stores_are_is_told_by_their_last_hundred_deliveries(
    seeded: StackDatabase, view: str
) -> None:
    """However many are kept, and whosever: each store costs its hundred and the way to the next store."""
    statement = f"SELECT * FROM {view} WHERE store_id = {LARGE}"

    read = rows_read(seeded.url_of(OAUTH_GATEWAY), statement, {}, advertiser_id=LARGE)

    assert 200 <= read <= 210


def test_counting_a_stores_rows_reads_tallies_and_deleted_rows_alone(seeded: StackDatabase) -> None:
    """Was: each look at the page counted all rows of the advertiser."""
    statement = "SELECT * FROM records.store_counts_v1"

    assert 1 <= rows_read(seeded.url_of(OAUTH_GATEWAY), statement, {}, advertiser_id=LARGE) <= 10


@pytest.mark.parametrize("what", LEAKPROOF)
def test_tenant_finds_by_index_what_the_row_filter_lets_pass(seeded: StackDatabase, what: str) -> None:
    """Was: an e-mail was looked for in all rows of the tenant, since lower() could tell what it is asked about."""
    statement = f"SELECT * FROM {LEAKPROOF[what]}"

    assert 1 <= rows_read(seeded.url_of(OAUTH_GATEWAY), statement, {}, advertiser_id=LARGE) <= 10


def test_tenant_reads_one_contact_with_all_that_is_derived_by_index(seeded: StackDatabase) -> None:
    statement = "SELECT * FROM public.contacts WHERE email_key = 'person5@example.com'"

    assert 4 <= rows_read(seeded.url_of(OAUTH_GATEWAY), statement, {}, advertiser_id=LARGE) <= 10


def test_tenant_reads_a_page_of_contacts_without_the_others(seeded: StackDatabase) -> None:
    statement = (
        "SELECT * FROM public.contacts WHERE last_order_at IS NOT NULL ORDER BY last_order_at DESC LIMIT 5"
    )

    assert 5 <= rows_read(seeded.url_of(OAUTH_GATEWAY), statement, {}, advertiser_id=LARGE) <= 5 * 7


def test_derived_column_that_is_not_asked_for_costs_nothing(seeded: StackDatabase) -> None:
    statement = "SELECT email FROM public.contacts WHERE email_key = 'person5@example.com'"

    assert rows_read(seeded.url_of(OAUTH_GATEWAY), statement, {}, advertiser_id=LARGE) == 1


@pytest.mark.parametrize("relation", ["public.products", "records.products"])
def test_products_are_searched_by_index_by_whoever_is_held_by_no_policy(
    seeded: StackDatabase, relation: str
) -> None:
    statement = f"""SELECT title FROM {relation}
        WHERE advertiser_id = {LARGE} AND search @@ websearch_to_tsquery('english', 'word5 or "word 6"')"""

    assert 1 <= rows_read(seeded.url(), statement, {}) <= 10


@pytest.mark.parametrize("what", NOT_LEAKPROOF)
def test_other_searches_read_the_rows_of_the_tenant_and_of_no_other(seeded: StackDatabase, what: str) -> None:
    statement = f"SELECT * FROM {NOT_LEAKPROOF[what]}"

    assert rows_read(seeded.url_of(OAUTH_GATEWAY), statement, {}, advertiser_id=LARGE) == RECORDS + 1


@pytest.mark.parametrize("what", LEAKPROOF | NOT_LEAKPROOF)
def test_workers_find_all_of_it_by_index(seeded: StackDatabase, what: str) -> None:
    statement = f"SELECT * FROM {(LEAKPROOF | NOT_LEAKPROOF)[what]} AND advertiser_id = {LARGE}"

    assert 1 <= rows_read(seeded.url_of(RECORD_WRITER), statement, {}) <= 10


def test_step_of_an_erasure_reads_its_page_and_not_those_before(seeded: StackDatabase) -> None:
    """Was: each step began anew and passed over all that was done, so the whole took the square of it."""
    parameters = {
        "advertiser_id": LARGE,
        "store_id": LARGE,
        "requested_at": datetime.now(UTC),
        "after": ANONYMOUS_TO,
        "limit": 50,
    }

    assert 50 <= rows_read(seeded.url_of(RECORD_WRITER), query("anonymise_orders"), parameters) <= 200


def test_counting_a_resource_reads_its_table_alone(seeded: StackDatabase) -> None:
    read = rows_read(seeded.url_of(SYNC_ORCHESTRATOR), PROVE_COUNT, {"resource": "customers"})

    assert read == RECORDS + 1


@pytest.mark.parametrize("resource", ["customers", "orders", "products"])
def test_some_mirrored_records_are_found_one_by_one(seeded: StackDatabase, resource: str) -> None:
    """Was: a thousand look-ups seemed more than the few rows that a store was expected to have, so all were read."""
    parameters = {"resource": resource, "ids": [f"{resource[0]}{n}" for n in range(1, 1001)]}

    assert rows_read(seeded.url_of(SYNC_ORCHESTRATOR), PROVE_SOME, parameters) == 1000


@pytest.mark.parametrize("statement", [PROVE_UNSEEN, PROVE_LOST])
def test_mirror_is_compared_with_a_job_by_reading_each_once(seeded: StackDatabase, statement: str) -> None:
    """As a join it compared every record with every other while the planner did not know of the job yet."""
    read = rows_read(seeded.url_of(SYNC_ORCHESTRATOR), statement, {"resource": "customers"})

    assert RECORDS < read <= 2 * RECORDS


def test_records_that_a_job_did_not_see_and_changes_that_it_brought_are_told(seeded: StackDatabase) -> None:
    with psycopg.connect(seeded.url_of(SYNC_ORCHESTRATOR), row_factory=scalar_row) as connection:
        unseen = connection.execute(PROVE_UNSEEN.encode(), {"resource": "customers"}).fetchall()
        lost = connection.execute(PROVE_LOST.encode(), {"resource": "customers"}).fetchall()

    assert (sorted(unseen), sorted(lost)) == (["1", "c1"], sorted(f"c{n}" for n in range(2, 11)))
