"""What the published entities say of a store, whichever service knows it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from local_stack.testing import StackDatabase


@pytest.fixture
def admin(two_tenants: StackDatabase):
    """Return a superuser's connection, whose changes are taken back."""
    with psycopg.connect(two_tenants.url(), row_factory=dict_row) as connection:
        yield connection
        connection.rollback()


def store(admin, store_id: int = 1) -> dict[str, Any]:
    return admin.execute("SELECT * FROM public.shopify_stores WHERE id = %s", [store_id]).fetchone()


def test_disconnected_store_has_no_webhooks_although_another_advertiser_keeps_them(admin) -> None:
    """Was: the installation's flag was shown, which the other store of the same shop holds up."""
    admin.execute("UPDATE fetcher.connections SET installation_id = 1")
    both = [store(admin, n)["webhooks_installed"] for n in (1, 2)]

    admin.execute("UPDATE fetcher.connections SET status = 'disconnected' WHERE store_id = 1")

    assert both == [True, True]
    assert [store(admin, n)["webhooks_installed"] for n in (1, 2)] == [False, True]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE sync.store_state SET updated_at = %s, status = 'error'",
        "UPDATE fetcher.connections SET disconnected_at = %s, status = 'disconnected'",
        "UPDATE gateway.shopify_stores SET updated_at = %s, name = 'New'",
    ],
)
def test_store_is_as_new_as_its_latest_change_anywhere(admin, change: str) -> None:
    """Was: a status that the orchestrator changed left updated_at as it was."""
    later = datetime.now(UTC) + timedelta(hours=1)

    admin.execute(change, [later])

    assert store(admin)["updated_at"] == later
