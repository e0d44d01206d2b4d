"""The invariants that end every journey can fail: a query that never finds an offender proves nothing."""

import psycopg
import pytest

from local_stack.testing import StackDatabase

from ..integration.invariants import INVARIANTS

LEDGER = """
INSERT INTO records.job_ledger (advertiser_id, job_id, resource, external_id, store_id, outcome)
SELECT 10, 5, 'orders', number::text, 1, 'created' FROM generate_series(1, %s) AS number
"""
TALLY = """
INSERT INTO records.job_tallies (advertiser_id, job_id, store_id, resource, epoch, created, failed)
VALUES (10, 5, 1, 'orders', 1, %s, %s)
"""
PRODUCT = """
INSERT INTO records.products (advertiser_id, source_type, source_id, external_id, title)
VALUES (10, 'ShopifyStore', 1, %s, 'Hat')
"""
CLOSED = """
INSERT INTO records.job_books (advertiser_id, job_id, resource, epoch, store_id, marks_seen,
                               created, updated, unchanged, skipped, failed)
VALUES (10, 5, 'orders', 1, 1, 0, 2, 0, 0, 0, 0)
"""


@pytest.mark.parametrize(
    ("in_ledger", "created", "failed", "offenders"),
    [
        pytest.param(2, 2, 0, 0, id="equal"),
        pytest.param(3, 2, 0, 1, id="a record that was never tallied"),
        pytest.param(0, 1, 0, 1, id="a tally without its record"),
        pytest.param(2, 1, 1, 2, id="another outcome than the ledger's"),
    ],
)
def test_books_that_do_not_close_are_found(
    stack_database: StackDatabase, in_ledger: int, created: int, failed: int, offenders: int
) -> None:
    with psycopg.connect(stack_database.url()) as connection:
        connection.execute(LEDGER, [in_ledger])
        connection.execute(TALLY, [created, failed])
        (books,) = (query for name, query in INVARIANTS.items() if name.startswith("the books close"))

        found = connection.execute(books.encode()).fetchall()

    assert len(found) == offenders


def test_books_of_a_job_whose_ledger_is_being_folded_are_no_offence(stack_database: StackDatabase) -> None:
    with psycopg.connect(stack_database.url()) as connection:
        connection.execute(LEDGER, [1])
        connection.execute(TALLY, [2, 0])
        connection.execute(CLOSED)
        (books,) = (query for name, query in INVARIANTS.items() if name.startswith("the books close"))

        assert connection.execute(books.encode()).fetchall() == []


def test_store_whose_rows_were_not_tallied_is_found(stack_database: StackDatabase) -> None:
    (counts,) = (query for name, query in INVARIANTS.items() if name.startswith("a store is said"))
    with psycopg.connect(stack_database.url()) as connection:
        connection.execute(PRODUCT, ["1"])
        tallied = connection.execute(counts.encode()).fetchall()
        connection.execute("ALTER TABLE records.products DISABLE TRIGGER USER")
        connection.execute(PRODUCT, ["2"])

        assert (tallied, connection.execute(counts.encode()).fetchall()) == ([], [(1, "products")])
