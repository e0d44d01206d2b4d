"""How many rows a store has is told without counting them, and is right whatever happened to them."""

import asyncio

from sync_common.contracts.resources import Resource

CUSTOMERS, ORDERS, PRODUCTS = Resource
ROWS = """
SELECT source_id AS store_id, count(*) FILTER (WHERE kind = 1) AS customers,
       count(*) FILTER (WHERE kind = 2) AS orders, count(*) FILTER (WHERE kind = 3) AS products
FROM (
    SELECT source_id, 1 AS kind FROM records.contacts WHERE deleted_at IS NULL
    UNION ALL SELECT source_id, 2 FROM records.orders WHERE deleted_at IS NULL
    UNION ALL SELECT source_id, 3 FROM records.products WHERE deleted_at IS NULL
) AS live
GROUP BY source_id ORDER BY source_id
"""
COUNTS = """
SELECT store_id, customers, orders, products FROM records.store_counts_v1
WHERE customers + orders + products <> 0 ORDER BY store_id
"""
DISCONNECT = "UPDATE fetcher.installations_v1 SET status = 'disconnected' WHERE store_id = 1"


async def counted(world):
    """Return how many products store 1 is said to have, once all that is said was found true."""
    said = await world.rows(COUNTS)
    assert said == await world.rows(ROWS)
    return next((row["products"] for row in said if row["store_id"] == 1), 0)


async def tidy(world):
    await world.upkeep().tidy(asyncio.Event())


async def test_counts_are_the_live_rows_at_every_step_of_a_records_life(world):
    await world.write(*(world.read(PRODUCTS, world.graphql_product(n), 1) for n in (1, 2, 3)))
    assert await counted(world) == 3
    await world.write(*(world.read(PRODUCTS, world.graphql_product(n, updated=9), 9) for n in (2, 3, 4)))
    assert await counted(world) == 4
    await world.write(*(world.webhook("products/delete", {"id": n}, 20) for n in (1, 2)))
    assert await counted(world) == 2
    await world.write(world.read(PRODUCTS, world.graphql_product(1, updated=30), 30))
    assert await counted(world) == 3
    await world.write(world.restored(PRODUCTS, 2, 40))
    assert await counted(world) == 4
    await tidy(world)
    assert await counted(world) == 4
    await world.write(world.webhook("customer.tags_added", {"customerId": "gid://shopify/Customer/5"}, 31))
    assert await counted(world) == 4


async def test_counts_are_the_live_rows_after_erasing_a_person_and_a_shop(world):
    await world.write(*(world.read(CUSTOMERS, world.graphql_customer(n), 1) for n in (1, 2)))
    await world.write(*(world.read(ORDERS, world.graphql_order(99 + n, customer=n), 1) for n in (1, 2)))
    await world.write(world.webhook("products/create", world.rest_product(7), 1))
    assert await counted(world) == 1

    await world.comply("customers/redact", {"customer": {"id": 1}}, 10)
    assert await counted(world) == 1
    await world.execute(DISCONNECT)
    await world.comply("shop/redact", {}, 3600)
    upkeep = world.upkeep()
    while await upkeep.erase():
        pass

    assert await counted(world) == 0
    assert [row["store_id"] for row in await world.rows(COUNTS)] == [2]


async def test_folding_changes_no_count_while_batches_are_written(world):
    async def write():
        for n in range(10):
            await world.write(world.read(PRODUCTS, world.graphql_product(n), 1))

    async def fold():
        for _ in range(5):
            await tidy(world)

    await asyncio.gather(write(), fold(), fold())
    await tidy(world)

    assert await counted(world) == 10
    assert await world.rows("SELECT number FROM records.row_tallies") == [{"number": 10}]
