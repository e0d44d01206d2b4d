"""Records out of the simulator: the same, whichever way they are read."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ..builders import Fetcher, MakeShop, only

RESOURCES = ("customers", "orders", "products")
SCOPES_OF_SIXTY_DAYS = ("read_customers", "read_orders", "read_products", "read_inventory")


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


@pytest.mark.parametrize(
    ("created_ago", "is_proof"),
    [
        (None, False),
        (timedelta(0), True),
        (timedelta(days=60) - timedelta(hours=1, minutes=5), True),
        (timedelta(days=60) - timedelta(minutes=55), False),
        (timedelta(days=61), False),
    ],
)
async def test_null_order_is_proof_without_full_history_only_where_age_cannot_hide_it(
    fetcher: Fetcher, make_shop: MakeShop, created_ago: timedelta | None, is_proof: bool
) -> None:
    installation_id = await fetcher.connect(await make_shop(), scopes=SCOPES_OF_SIXTY_DAYS)
    created_after = None if created_ago is None else (datetime.now(UTC) - created_ago).isoformat()

    async with fetcher.client() as client:
        answer = await client.post(
            f"/v1/installations/{installation_id}/nodes",
            json={"resource": "orders", "ids": ["999999999"], "created_after": created_after},
        )

    wanted = (["999999999"], []) if is_proof else ([], ["999999999"])
    assert (answer.json()["gone"], answer.json()["unseen"]) == wanted


async def test_order_that_left_the_sixty_days_is_not_taken_for_deleted(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    shop = await make_shop(orders=20)
    installation_id = await fetcher.connect(shop, scopes=SCOPES_OF_SIXTY_DAYS)
    [aged] = (await shop.admin("/age-orders", {"orders": 1, "days": 60}))["aged"]
    created_at = (await shop.truth("orders"))[str(aged)]["createdAt"]

    async with fetcher.client() as client:
        answer = await client.post(
            f"/v1/installations/{installation_id}/nodes",
            json={"resource": "orders", "ids": [str(aged)], "created_after": created_at},
        )

    assert (answer.json()["gone"], answer.json()["unseen"]) == ([], [str(aged)])


async def test_null_order_in_an_answer_with_errors_is_no_proof(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    denied = {"message": "no", "path": ["nodes", 0], "extensions": {"code": "ACCESS_DENIED"}}
    await shop.fault(
        operation="OrdersByIds", status=200, body={"data": {"nodes": [None]}, "errors": [denied]}
    )

    async with fetcher.client() as client:
        answer = await client.post(
            f"/v1/installations/{installation_id}/nodes",
            json={"resource": "orders", "ids": ["1"], "created_after": datetime.now(UTC).isoformat()},
        )

    assert (answer.json()["gone"], answer.json()["unseen"]) == ([], ["1"])


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
