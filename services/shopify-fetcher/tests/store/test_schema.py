"""The schema: models equal migrations, tokens are nobody else's, views show each reader its share."""

from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine, inspect

from local_stack.testing import StackDatabase
from shopify_fetcher.store.tables import metadata

from ..builders import Fetcher, MakeShop


def test_models_equal_migrations(stack_database: StackDatabase) -> None:
    engine = create_engine(stack_database.url().replace("postgresql://", "postgresql+psycopg://"))
    inspector = inspect(engine)

    found = {
        table.name: {
            column["name"]: column["nullable"]
            for column in inspector.get_columns(table.name, schema="fetcher")
        }
        for table in metadata.tables.values()
    }
    engine.dispose()

    assert found == {
        table.name: {column.name: column.nullable for column in table.columns}
        for table in metadata.tables.values()
    }


@pytest.mark.parametrize("service", ["oauth-gateway", "sync-orchestrator", "record-writer", "notifier"])
def test_no_other_service_can_read_a_token(stack_database: StackDatabase, service: str) -> None:
    with (
        psycopg.connect(stack_database.url_of(service)) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("SELECT access_token FROM fetcher.credentials")


def test_views_hold_no_token(stack_database: StackDatabase) -> None:
    with psycopg.connect(stack_database.url()) as connection:
        columns = connection.execute(
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_schema = 'fetcher' AND table_name LIKE '%\\_v1'"
        ).fetchall()

    assert len(columns) > 20
    assert not [name for (name,) in columns if "token" in name or "key" in name]


async def test_gateway_sees_the_connections_of_its_advertiser_only(
    stack_database: StackDatabase, fetcher: Fetcher, make_shop: MakeShop
) -> None:
    shop = await make_shop()
    await fetcher.connect(shop, store_id=7, advertiser_id=3)
    await fetcher.connect(shop, store_id=8, advertiser_id=4)

    def seen(service: str, advertiser_id: Any) -> Any:
        with psycopg.connect(stack_database.url_of(service)) as connection:
            if advertiser_id:
                connection.execute("SELECT set_config('app.advertiser_id', %s, true)", [str(advertiser_id)])
            rows = connection.execute("SELECT store_id FROM fetcher.installations_v1 ORDER BY 1").fetchall()
            return [store_id for (store_id,) in rows]

    assert seen("oauth-gateway", 3) == [7]
    assert seen("oauth-gateway", None) == []
    assert seen("sync-orchestrator", None) == [7, 8]


async def test_api_health_tells_the_learned_budget(
    stack_database: StackDatabase, fetcher: Fetcher, make_shop: MakeShop
) -> None:
    shop = await make_shop(plan="advanced")
    await fetcher.connect(shop, store_id=7, advertiser_id=3)

    [row] = await fetcher.rows("SELECT * FROM fetcher.api_health_v1")

    assert (row["store_id"], row["bucket_size"], row["restore_rate"]) == (7, 4000, 200)
    assert row["calls_today"] > 20
    assert 0 < row["available"] <= 4000
