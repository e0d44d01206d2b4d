"""The history of a shop, its newest records first: in pieces, each as whole as one full read."""

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from shopify_fetcher.domain import cursor as cursors
from shopify_fetcher.domain.cursor import FullCursor, Piece
from shopify_fetcher.domain.slices import IdRange
from shopify_fetcher.reading import full, spool
from sync_common.contracts.resources import Resource

from ..builders import BulkSpeed, Fetcher, MakeShop, SimulatedShop, assert_whole, only

HISTORY: dict[str, str | int] = {"mode": "bulk", "newest_first": "true", "job_id": 1}


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pieces hold a few records only, each on pages of fewer."""
    monkeypatch.setattr(full, "PIECE_RECORDS", 15)
    monkeypatch.setattr(spool, "BATCH_RECORDS", 5)


def pieces_of(lines: list[dict[str, Any]]) -> list[list[int]]:
    """Return the ids by piece; a page's cursor tells how many are left, its own among them until its last page."""
    found: dict[int, list[int]] = {}
    ids: list[int] = []
    for line in lines:
        if line["type"] == "record":
            ids.append(int(line["id"]))
        elif line["type"] == "page":
            cursor = cursors.decode(line["cursor"])
            assert isinstance(cursor, FullCursor)
            found.setdefault(len(cursor.left), []).extend(ids)
            ids = []
    return list(found.values())


def assert_descending(pieces: list[list[int]]) -> None:
    assert len(pieces) > 1
    assert max(map(len, pieces)) <= full.PIECE_RECORDS
    for newer, older in pairwise(pieces):
        assert min(newer) > max(older)


async def middle_of(shop: SimulatedShop) -> datetime:
    times = sorted(order["createdAt"] for order in (await shop.truth("orders")).values())
    return datetime.fromisoformat(times[len(times) // 2])


async def test_pieces_come_from_the_newest_to_the_oldest_and_add_up(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    shop = await make_shop(orders=60)
    installation_id = await fetcher.connect(shop)

    lines = await fetcher.stream(installation_id, "orders", **HISTORY)
    at_once = await fetcher.stream(installation_id, "orders", mode="bulk", job_id=2)

    await assert_whole(shop, lines)
    assert_descending(pieces_of(lines))
    assert len(pieces_of(lines)) >= 4
    assert [line["type"] for line in lines[:3]] == ["total", "page", "started"]
    assert len(only(lines, "record")) == only(lines, "total")[0]["count"]
    assert lines[-1] == at_once[-1]


async def test_history_is_resumed_anywhere_by_another_process(
    fetcher: Fetcher, replica: Fetcher, make_shop: MakeShop
) -> None:
    shop = await make_shop(orders=60)
    installation_id = await fetcher.connect(shop)
    whole = await fetcher.stream(installation_id, "orders", **HISTORY)
    runs = (await shop.operations()).count("BulkRun")

    for page in only(whole, "page"):
        rest = await replica.stream(installation_id, "orders", **HISTORY, cursor=page["cursor"])

        before = whole[: whole.index(page)]
        ids = [line["id"] for line in only(before, "record") + only(rest, "record")]
        assert ids == [line["id"] for line in only(whole, "record")]
        assert rest[-1] == whole[-1]
    assert (await shop.operations()).count("BulkRun") == runs


async def test_piece_whose_operation_fails_is_read_by_pages_and_keeps_its_turn(
    fetcher: Fetcher, make_shop: MakeShop, bulk_speed: BulkSpeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shopify_fetcher.reading.records.PageSize.MAX", 20)
    shop = await make_shop(orders=60)
    installation_id = await fetcher.connect(shop)
    await bulk_speed(fail_next="INTERNAL_SERVER_ERROR", fail_after_objects=3)

    lines = await fetcher.stream(installation_id, "orders", **HISTORY)

    await assert_whole(shop, lines)
    ids = [int(line["id"]) for line in only(lines, "record")]
    assert len(ids) == len(set(ids))
    assert max(ids) in ids[: full.PIECE_RECORDS]
    assert lines[-1]["objects"] is None
    rows = await fetcher.rows("SELECT status FROM fetcher.bulk_operations ORDER BY id")
    assert [row["status"] for row in rows] == ["failed"] + ["completed"] * (len(rows) - 1)
    assert (await shop.operations()).count("OrdersById") == 1


async def test_small_shop_is_one_piece_and_its_slices_are_the_newest_first(
    fetcher: Fetcher, make_shop: MakeShop, bulk_speed: BulkSpeed
) -> None:
    shop = await make_shop(orders=15)
    installation_id = await fetcher.connect(shop)
    at_once = await fetcher.stream(installation_id, "orders", **HISTORY)
    runs = (await shop.operations()).count("BulkRun")
    await bulk_speed(fail_next="TIMEOUT")

    in_slices = await fetcher.stream(installation_id, "orders", **{**HISTORY, "job_id": 2})

    await assert_whole(shop, at_once)
    await assert_whole(shop, in_slices)
    assert runs == 1
    assert_descending(pieces_of(in_slices))


async def test_piece_that_holds_nothing_is_passed_over(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop(orders=20)
    installation_id = await fetcher.connect(shop)
    behind = max(map(int, await shop.truth("orders"))) + 1
    left = (
        Piece(IdRange(behind, None)),
        Piece(IdRange(behind - 1, behind - 1)),
        Piece(IdRange(None, behind - 2)),
    )
    cursor = cursors.encode(FullCursor(datetime.now(UTC), left))

    lines = await fetcher.stream(installation_id, "orders", **HISTORY, cursor=cursor)

    await assert_whole(shop, lines)
    assert [len(piece) for piece in pieces_of(lines)] == [1, 19]


async def test_nothing_before_the_bound_is_done_with_nothing(fetcher: Fetcher, make_shop: MakeShop) -> None:
    installation_id = await fetcher.connect(await make_shop(orders=20))

    lines = await fetcher.stream(installation_id, "orders", **HISTORY, created_until="2001-01-01T00:00:00Z")

    assert lines[-1] == {"type": "done", "count": 0, "objects": 0}


@pytest.mark.parametrize("mode", ["bulk", "paged"])
async def test_orders_after_the_bound_are_left_out(fetcher: Fetcher, make_shop: MakeShop, mode: str) -> None:
    shop = await make_shop(orders=60)
    installation_id = await fetcher.connect(shop)
    middle = await middle_of(shop)
    order = {"newest_first": "true"} if mode == "bulk" else {}

    lines = await fetcher.stream(
        installation_id, "orders", mode=mode, created_until=middle.isoformat(), **order
    )

    truth = await shop.truth("orders")
    wanted = {key for key, one in truth.items() if datetime.fromisoformat(one["createdAt"]) <= middle}
    assert 0 < len(wanted) < len(truth)
    assert {line["id"] for line in only(lines, "record")} == wanted
    assert only(lines, "total")[0]["count"] == lines[-1]["count"] == len(wanted)


async def test_bound_of_creation_is_one_of_orders_only(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)

    lines = await fetcher.stream(
        installation_id, "products", mode="paged", created_until="2001-01-01T00:00:00Z"
    )

    assert lines[-1]["count"] == len(await shop.truth("products"))


async def test_pages_in_the_order_of_change_cannot_begin_with_the_newest(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    installation_id = await fetcher.connect(await make_shop())

    async with fetcher.client() as client:
        answer = await client.get(
            f"/v1/installations/{installation_id}/records/{Resource.ORDERS}",
            params={"mode": "paged", "newest_first": "true"},
        )

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "newest_first" in answer.json()["message"]
