"""The name of a prepared database tells whether it is still what would be prepared now."""

import pytest

from local_stack import schema


@pytest.mark.parametrize("ddl", ["outbox_ddl", "inbox_ddl"])
def test_fingerprint_changes_with_the_tables_that_the_bus_defines(
    monkeypatch: pytest.MonkeyPatch, ddl: str
) -> None:
    """Was: tests went on with a database that had the old outbox."""
    before = schema.fingerprint()

    monkeypatch.setattr(schema, ddl, lambda _schema: "CREATE TABLE other ()")

    assert schema.fingerprint() != before
