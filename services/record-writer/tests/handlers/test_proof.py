"""What the orchestrator proves the mirror by: every record of a store, and every one that a job saw."""

import pytest

from sync_common.contracts.resources import Resource

CUSTOMERS, ORDERS, PRODUCTS = Resource
MIRROR = "SELECT * FROM records.mirror_v1 ORDER BY store_id, resource, record_id"
OUTCOMES = "SELECT * FROM records.job_outcomes_v1 ORDER BY resource, record_id"


async def test_mirror_shows_every_record_of_a_store_with_its_version(world):
    await world.write(world.read(CUSTOMERS, world.graphql_customer(1, updated=5), 6))
    await world.write(world.read(ORDERS, world.graphql_order(100, updated=7), 8))
    await world.write(world.webhook("products/create", world.rest_product(7), 1))
    await world.write(world.gone(PRODUCTS, 7, 10))
    await world.write(world.restored(PRODUCTS, 7, 20, store_id=2, advertiser_id=20))

    rows = await world.rows_as("svc_sync_orchestrator", MIRROR)

    version = ("created_at_source", "updated_at_source", "observed_at", "deleted_at")
    told = {(row["advertiser_id"], row["store_id"], row["resource"], row["record_id"]): row for row in rows}
    assert {key: tuple(row[name] for name in version) for key, row in told.items()} == {
        (10, 1, "customers", "1"): (world.at(-86400), world.at(5), world.at(6), None),
        (10, 1, "orders", "100"): (world.at(-90), world.at(7), world.at(8), None),
        (10, 1, "products", "7"): (world.at(-1000), world.at(0), world.at(1), world.at(10)),
        (20, 2, "products", "7"): (world.at(-1000), world.at(0), world.at(1), None),
    }


async def test_mirror_leaves_out_what_came_from_elsewhere(world):
    await world.write(world.read(CUSTOMERS, world.graphql_customer(1), 1))
    await world.execute("UPDATE records.contacts SET source_type = 'CsvImport'")

    assert await world.rows_as("svc_sync_orchestrator", MIRROR) == []


@pytest.mark.parametrize("view", ["mirror_v1", "job_outcomes_v1"])
async def test_only_workers_see_all_tenants(world, view):
    await world.execute(f"GRANT SELECT ON records.{view} TO svc_oauth_gateway")
    for store_id, advertiser_id in ((1, 10), (2, 20)):
        product = world.graphql_product(7)
        await world.write(world.read(PRODUCTS, product, 1, store_id=store_id, advertiser_id=advertiser_id))
    statement = f"SELECT advertiser_id FROM records.{view} ORDER BY advertiser_id"

    worker = await world.rows_as("svc_sync_orchestrator", statement)
    tenant = await world.rows_as("svc_oauth_gateway", statement, advertiser_id=20)
    unset = await world.rows_as("svc_oauth_gateway", statement)

    assert [row["advertiser_id"] for row in worker] == [10, 20]
    assert (tenant, unset) == ([{"advertiser_id": 20}], [])


async def test_outcomes_are_the_ledger_of_a_job_record_by_record(world):
    await world.write(world.gone(PRODUCTS, 8, 10))
    await world.write(*(world.read(PRODUCTS, world.graphql_product(n), 1) for n in (7, 8)))

    rows = await world.rows_as("svc_sync_orchestrator", OUTCOMES)

    whose = {"advertiser_id": 10, "job_id": 5, "store_id": 1, "resource": "products"}
    assert rows == [
        {**whose, "record_id": "7", "outcome": "created"},
        {**whose, "record_id": "8", "outcome": "skipped"},
    ]
