"""What is forgotten, and what is not."""

from shopify_fetcher.upkeep import Upkeep

from ..builders import Fetcher, MakeShop


async def test_old_usage_and_old_operations_are_forgotten(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    await fetcher.stream(installation_id, "orders", mode="bulk", job_id=1)
    await fetcher.execute(
        "INSERT INTO fetcher.api_usage (installation_id, day, lane) VALUES (:id, current_date - 92, 'full')",
        id=installation_id,
    )
    await fetcher.execute(
        "INSERT INTO fetcher.bulk_operations (installation_id, job_id, resource, search, updated_at)"
        " VALUES (:id, 9, 'orders', '', clock_timestamp() - interval '15 days')",
        id=installation_id,
    )

    await Upkeep(fetcher.database).tidy()

    [usage] = await fetcher.rows(
        "SELECT count(*) AS old FROM fetcher.api_usage WHERE day < current_date - 90"
    )
    assert usage["old"] == 0
    assert [row["job_id"] for row in await fetcher.rows("SELECT job_id FROM fetcher.bulk_operations")] == [1]
    assert await fetcher.rows("SELECT * FROM fetcher.api_usage")
