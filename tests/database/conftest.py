"""Databases that are made once, for tests that look at them, or take back what they change."""

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest

from local_stack import schema
from local_stack.testing import StackDatabase

from .seeding import seed


@pytest.fixture(scope="session")
def catalogue(postgres_url: str, template_database: str) -> Iterator[StackDatabase]:
    """Return a database with every service's schema and no rows, shared by the tests that only look at it."""
    yield from _copy(postgres_url, template_database)


@pytest.fixture(scope="session")
def two_tenants(postgres_url: str, template_database: str) -> Iterator[StackDatabase]:
    """Return a database in which advertisers 1 and 2 have rows of everything."""
    for database in _copy(postgres_url, template_database):
        with psycopg.connect(database.url(), autocommit=True) as admin:
            seed(admin, tenants=2)
        yield database


def _copy(postgres_url: str, template: str) -> Iterator[StackDatabase]:
    name = f"looked_at_{uuid4().hex[:12]}"
    schema.create_database(postgres_url, name, template=template)
    yield StackDatabase(postgres_url, name)
    schema.drop_database(postgres_url, name)
