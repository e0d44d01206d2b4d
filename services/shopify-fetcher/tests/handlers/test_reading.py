"""Records out of the simulator: the same, whichever way they are read."""

from typing import Any

import pytest

from ..builders import Fetcher, MakeShop, only

RESOURCES = ("customers", "orders", "products")


def by_id(lines: list[dict[str, Any]]) -> Any:
    return {line["id"]: line["body"] for line in only(lines, "record")}


@pytest.mark.parametrize("resource", RESOURCES)
async def test_bulk_pages_and_nodes_give_equal_bodies_of_every_record(
    fetcher: Fetcher, make_shop: MakeShop, resource: str
) -> None:
    shop = await make_shop(customers=60, orders=120, products=30, plan="enterprise")
    installation_id = await fetcher.connect(shop)
    truth = await shop.truth(resource)

    bulk = await fetcher.stream(installation_id, resource, mode="bulk", job_id=1)
    paged = await fetcher.stream(installation_id, resource, mode="paged")
    async with fetcher.client() as client:
        answer = await client.post(
            f"/v1/installations/{installation_id}/nodes",
            json={"resource": resource, "ids": list(truth)},
            timeout=60,
        )

    assert bulk[-1]["type"] == "done", bulk[-1]
    assert paged[-1]["type"] == "done", paged[-1]
    assert bulk[-1]["count"] == paged[-1]["count"] == len(truth)
    assert by_id(bulk).keys() == truth.keys()
    assert by_id(bulk) == by_id(paged)
    assert {record["id"]: record["body"] for record in answer.json()["records"]} == by_id(paged)
    assert [line["type"] for line in bulk[:2]] == ["total", "started"]


async def test_deleted_record_is_proven_gone(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    known = next(iter(await shop.truth("products")))

    async with fetcher.client() as client:
        answer = await client.post(
            f"/v1/installations/{installation_id}/nodes",
            json={"resource": "products", "ids": [known, "999999999"]},
        )

    assert [record["id"] for record in answer.json()["records"]] == [known]
    assert answer.json()["gone"] == ["999999999"]


async def test_null_order_is_no_proof_without_full_history(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop()
    scopes = ("read_customers", "read_orders", "read_products", "read_inventory")
    installation_id = await fetcher.connect(shop, scopes=scopes)

    async with fetcher.client() as client:
        answer = await client.post(
            f"/v1/installations/{installation_id}/nodes", json={"resource": "orders", "ids": ["999999999"]}
        )

    assert (answer.json()["gone"], answer.json()["unseen"]) == ([], ["999999999"])


async def test_records_missing_from_an_answer_with_errors_are_asked_for_again(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    """They counted as hidden from us, and whoever had asked for them never got an answer."""
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    body = {"data": {"nodes": [None]}, "errors": [{"message": "late", "extensions": {"code": "TIMEOUT"}}]}
    await shop.fault(operation="OrdersByIds", status=200, body=body, times=50)

    async with fetcher.client() as client:
        answer = await client.post(
            f"/v1/installations/{installation_id}/nodes", json={"resource": "orders", "ids": ["1"]}
        )

    assert (answer.status_code, answer.json()["retryable"]) == (503, True)
