"""Exact counts and lists of ids: what a mirror is compared with."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from ..builders import Fetcher, MakeShop, SimulatedShop

RESOURCES = ("customers", "orders", "products")


async def ask(fetcher: Fetcher, installation_id: int, what: str, **wish: Any) -> httpx.Response:
    async with fetcher.client() as client:
        return await client.post(f"/v1/installations/{installation_id}/{what}", json=wish)


async def median_creation(shop: SimulatedShop, resource: str) -> datetime:
    times = sorted(record["createdAt"] for record in (await shop.truth(resource)).values())
    return datetime.fromisoformat(times[len(times) // 2])


@pytest.mark.parametrize("resource", RESOURCES)
async def test_counts_are_exact_by_ranges_of_ids(
    fetcher: Fetcher, make_shop: MakeShop, resource: str
) -> None:
    shop = await make_shop(customers=30, orders=30, products=30)
    installation_id = await fetcher.connect(shop)
    numbers = sorted(map(int, await shop.truth(resource)))
    before = len(await shop.operations())

    whole = await ask(fetcher, installation_id, "counts", resource=resource)
    ranges = [[None, numbers[9]], [numbers[10], numbers[19]], [numbers[20], None], [numbers[-1] + 1, None]]
    parts = await ask(fetcher, installation_id, "counts", resource=resource, ranges=ranges)

    assert whole.json()["counts"] == [len(numbers)]
    assert parts.json()["counts"] == [10, 10, len(numbers) - 20, 0]
    told = datetime.fromisoformat(parts.json()["shopify_time"])
    assert abs(datetime.now(UTC) - told) < timedelta(seconds=30)
    assert len(await shop.operations()) == before + 2


@pytest.mark.parametrize("resource", RESOURCES)
async def test_counts_are_bound_by_creation(fetcher: Fetcher, make_shop: MakeShop, resource: str) -> None:
    shop = await make_shop(customers=30, orders=30, products=30)
    installation_id = await fetcher.connect(shop)
    truth = await shop.truth(resource)
    middle = await median_creation(shop, resource)

    until = await ask(fetcher, installation_id, "counts", resource=resource, created_until=middle.isoformat())
    since = await ask(fetcher, installation_id, "counts", resource=resource, created_since=middle.isoformat())

    times = [datetime.fromisoformat(record["createdAt"]) for record in truth.values()]
    assert until.json()["counts"] == [sum(time <= middle for time in times)]
    assert since.json()["counts"] == [sum(time >= middle for time in times)]
    assert 0 < until.json()["counts"][0] < len(truth)


@pytest.mark.parametrize("precision", ["AT_LEAST", None])
async def test_count_that_is_not_exact_is_never_taken(
    fetcher: Fetcher, make_shop: MakeShop, precision: str | None
) -> None:
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    body = {"data": {"window0": {"count": 10_000, "precision": precision}}}
    await shop.fault(operation="OrdersCounts", status=200, body=body, times=2)

    answer = await ask(fetcher, installation_id, "counts", resource="orders")
    lines = await fetcher.stream(installation_id, "orders", mode="paged")

    assert (answer.status_code, answer.json()["code"]) == (503, "protocol")
    assert (lines[-1]["type"], lines[-1]["code"]) == ("failed", "protocol")


@pytest.mark.parametrize(
    "wish",
    [
        {"ranges": []},
        {"ranges": [[None, None]] * 21},
        {"ranges": [[-1, None]]},
        {"ranges": [[0, 2**63]]},
        {"created_until": "2026-11-22T10:00:00"},
        {"lane": "fast"},
    ],
)
async def test_counts_of_what_is_unclear_are_refused(
    fetcher: Fetcher, make_shop: MakeShop, wish: dict[str, Any]
) -> None:
    installation_id = await fetcher.connect(await make_shop())

    answer = await ask(fetcher, installation_id, "counts", resource="orders", **wish)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def all_ids(
    fetcher: Fetcher, installation_id: int, **wish: Any
) -> tuple[list[list[dict[str, str]]], list[bool]]:
    """Ask until nothing follows; return the answers' ids, and what each said of more."""
    answers, more = [], []
    first = wish.pop("first", None)
    while True:
        answer = (await ask(fetcher, installation_id, "ids", first=first, **wish)).json()
        answers.append(answer["ids"])
        more.append(answer["more"])
        first = answer["next_first"]
        if first is None:
            return answers, more


@pytest.mark.parametrize("resource", RESOURCES)
async def test_ids_are_listed_in_order_with_their_creation(
    fetcher: Fetcher, make_shop: MakeShop, monkeypatch: pytest.MonkeyPatch, resource: str
) -> None:
    monkeypatch.setattr("shopify_fetcher.reading.records.PageSize.MAX", 7)
    shop = await make_shop(customers=20, orders=20, products=20)
    installation_id = await fetcher.connect(shop)
    truth = await shop.truth(resource)
    numbers = sorted(map(int, truth))

    answers, more = await all_ids(
        fetcher, installation_id, resource=resource, first=numbers[2], last=numbers[-2]
    )

    listed = [one for answer in answers for one in answer]
    assert listed == [
        {"id": str(number), "created_at": truth[str(number)]["createdAt"]} for number in numbers[2:-1]
    ]
    assert [len(answer) for answer in answers] == [7, 7, 3]
    assert more == [True, True, False]


async def test_ids_of_an_empty_range_are_none(fetcher: Fetcher, make_shop: MakeShop) -> None:
    installation_id = await fetcher.connect(shop := await make_shop())
    behind = max(map(int, await shop.truth("orders"))) + 1

    answer = (await ask(fetcher, installation_id, "ids", resource="orders", first=behind)).json()

    assert (answer["ids"], answer["more"], answer["next_first"]) == ([], False, None)
    assert answer["shopify_time"].endswith("Z")


@pytest.mark.parametrize("resource", RESOURCES)
async def test_ids_are_bound_by_creation(fetcher: Fetcher, make_shop: MakeShop, resource: str) -> None:
    shop = await make_shop(customers=30, orders=30, products=30)
    installation_id = await fetcher.connect(shop)
    middle = await median_creation(shop, resource)

    answers, _ = await all_ids(fetcher, installation_id, resource=resource, created_until=middle.isoformat())

    times = {number: record["createdAt"] for number, record in (await shop.truth(resource)).items()}
    wanted = {number for number, time in times.items() if datetime.fromisoformat(time) <= middle}
    assert {one["id"] for answer in answers for one in answer} == wanted
    assert 0 < len(wanted) < len(times)


async def test_what_the_index_lists_outside_the_window_is_left_out_and_the_list_goes_on(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    installation_id = await fetcher.connect(shop := await make_shop())
    times = ["2026-11-20T09:59:59Z", "2026-11-20T10:00:00Z", "2026-11-20T11:00:00Z", "2026-11-20T11:00:01Z"]
    nodes = [{"id": f"gid://shopify/Order/{n}", "createdAt": time} for n, time in enumerate(times, start=1)]
    page = {"nodes": nodes, "pageInfo": {"hasNextPage": True}}
    await shop.fault(operation="OrdersIds", status=200, body={"data": {"orders": page}})

    window = {"created_since": "2026-11-20T10:00:00.9Z", "created_until": "2026-11-20T11:00:00.9Z"}
    answer = (await ask(fetcher, installation_id, "ids", resource="orders", **window)).json()

    assert [one["id"] for one in answer["ids"]] == ["2", "3"]
    assert (answer["more"], answer["next_first"]) == (True, "5")


async def test_page_of_ids_that_does_not_say_where_more_follows_is_no_end(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    installation_id = await fetcher.connect(shop := await make_shop())
    page = {"nodes": [], "pageInfo": {"hasNextPage": True}}
    await shop.fault(operation="OrdersIds", status=200, body={"data": {"orders": page}})

    answer = await ask(fetcher, installation_id, "ids", resource="orders")

    assert (answer.status_code, answer.json()["code"]) == (503, "protocol")
