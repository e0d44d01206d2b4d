"""The tables that the code describes are the tables that the migrations make."""

import importlib
from collections.abc import Iterator
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, create_engine

from local_stack.schema import schema_owners
from local_stack.testing import StackDatabase
from sync_common.contracts.stack import Service


@pytest.mark.parametrize("service", schema_owners(), ids=lambda service: service.name)
def test_models_equal_migrations(catalogue: StackDatabase, service: Service) -> None:
    metadata: MetaData = importlib.import_module(f"{service.package}.store.tables").metadata
    engine = create_engine(catalogue.url().replace("postgresql://", "postgresql+psycopg://", 1))

    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "compare_type": True,
                "include_name": lambda name, kind, _parents: (
                    name == service.schema if kind == "schema" else name != "alembic_version"
                ),
                # Indexes and checks are the migrations' own: statements do not need to know them.
                "include_object": lambda _object, _name, kind, _reflected, _other: (
                    kind in {"table", "column"}
                ),
            },
        )
        drift = [
            change for change in _flat(compare_metadata(context, metadata)) if "comment" not in change[0]
        ]
    engine.dispose()

    assert metadata.tables
    assert drift == []


def _flat(changes: list[Any]) -> Iterator[tuple[Any, ...]]:
    """Column changes come grouped in lists."""
    for change in changes:
        yield from change if isinstance(change, list) else [change]
