"""Bulk reads under crashes, cuts and failed operations: whole or not at all, and never started twice."""

import contextlib
import json
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from shopify_fetcher.clients.documents import bulk_document
from shopify_fetcher.domain import cursor as cursors
from shopify_fetcher.domain.budget import Lane
from shopify_fetcher.domain.cursor import FullCursor, Piece
from shopify_fetcher.domain.search import Window
from shopify_fetcher.reading import bulk, full, spool
from shopify_fetcher.reading.lines import stream
from shopify_fetcher.reading.reader import Mode, Wish
from sync_common.contracts.resources import Resource

from ..builders import BulkSpeed, Fetcher, MakeShop, assert_whole, only


async def read_until(
    fetcher: Fetcher, installation_id: int, kind: str, *, job_id: int = 1
) -> list[dict[str, Any]]:
    """Read orders by bulk until a line of this type, then go away as a crashed caller does."""
    installation = await fetcher.installation(installation_id)
    wish = Wish(Resource.ORDERS, Mode.BULK, Window(), Lane.FULL, job_id, None)
    seen = []
    async with contextlib.aclosing(stream(fetcher.parts.reader.prepare(installation, wish))) as chunks:
        async for chunk in chunks:
            seen += [json.loads(line) for line in chunk.split(b"\n") if line]
            if any(line["type"] == kind for line in seen):
                return seen
    return seen


async def test_running_operation_is_adopted_after_a_crash(
    fetcher: Fetcher, replica: Fetcher, make_shop: MakeShop, bulk_speed: BulkSpeed
) -> None:
    shop = await make_shop(orders=30)
    installation_id = await fetcher.connect(shop)
    await bulk_speed(minimum_seconds=1)
    await read_until(fetcher, installation_id, "started")

    lines = await replica.stream(installation_id, "orders", mode="bulk", job_id=1)

    assert lines[-1]["type"] == "done", lines[-1]
    assert (await shop.operations()).count("BulkRun") == 1


async def test_operation_whose_id_was_lost_is_found_again(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop(orders=30)
    installation_id = await fetcher.connect(shop)
    await fetcher.execute(
        "INSERT INTO fetcher.bulk_operations (installation_id, job_id, resource, search) VALUES (:id, 1, 'orders', '')",
        id=installation_id,
    )
    query = bulk_document(Resource.ORDERS, "")
    await (await fetcher.session(installation_id)).call("bulk_run", {"query": query})

    lines = await fetcher.stream(installation_id, "orders", mode="bulk", job_id=1)

    assert lines[-1]["type"] == "done", lines[-1]
    assert (await shop.operations()).count("BulkRun") == 1


async def test_lost_answer_to_the_start_does_not_start_a_second_operation(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    shop = await make_shop(orders=30)
    installation_id = await fetcher.connect(shop)
    await shop.fault(operation="BulkRun", effect="drop")

    lines = await fetcher.stream(installation_id, "orders", mode="bulk", job_id=1)

    assert lines[-1]["type"] == "done", lines[-1]
    assert len((await shop.admin("", method="GET"))["bulkOperations"]) == 1


async def test_two_jobs_start_an_operation_each(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)

    await fetcher.stream(installation_id, "orders", mode="bulk", job_id=1)
    await fetcher.stream(installation_id, "orders", mode="bulk", job_id=2)

    assert (await shop.operations()).count("BulkRun") == 2


async def test_cursor_resumes_after_the_last_page(
    fetcher: Fetcher, make_shop: MakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "BATCH_RECORDS", 10)
    shop = await make_shop(orders=35)
    installation_id = await fetcher.connect(shop)
    whole = await fetcher.stream(installation_id, "orders", mode="bulk", job_id=1)
    pages = only(whole, "page")

    rest = await fetcher.stream(installation_id, "orders", mode="bulk", job_id=1, cursor=pages[1]["cursor"])

    ids = [line["id"] for line in only(whole, "record")]
    assert [page["count"] for page in pages] == [10, 10, 10, 5]
    assert [line["id"] for line in only(rest, "record")] == ids[20:]
    assert rest[-1] == whole[-1]


async def test_cursor_of_an_operation_that_is_gone_begins_anew(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop(orders=5)
    installation_id = await fetcher.connect(shop)
    lost = FullCursor(datetime.now(UTC), (Piece(),), gid="gid://shopify/BulkOperation/999", emitted=3)
    cursor = cursors.encode(lost)

    lines = await fetcher.stream(installation_id, "orders", mode="bulk", job_id=1, cursor=cursor)

    assert len(only(lines, "record")) == lines[-1]["count"] == len(await shop.truth("orders"))


async def test_operation_that_is_denied_ends_the_read_and_is_not_adopted(
    fetcher: Fetcher, make_shop: MakeShop, bulk_speed: BulkSpeed
) -> None:
    shop = await make_shop(orders=30)
    installation_id = await fetcher.connect(shop)
    await bulk_speed(fail_next="ACCESS_DENIED", fail_after_objects=7)

    lines = await fetcher.stream(installation_id, "orders", mode="bulk", job_id=1)
    again = await fetcher.stream(installation_id, "orders", mode="bulk", job_id=1)

    assert (lines[-1]["type"], lines[-1]["code"], lines[-1]["retryable"]) == (
        "failed",
        "access_denied",
        False,
    )
    assert only(lines, "record") == []
    await assert_whole(shop, again)


@pytest.mark.parametrize("code", ["TIMEOUT", "INTERNAL_SERVER_ERROR"])
async def test_operation_that_fails_is_no_empty_success_but_read_in_slices(
    fetcher: Fetcher, make_shop: MakeShop, bulk_speed: BulkSpeed, code: str
) -> None:
    shop = await make_shop(orders=30)
    installation_id = await fetcher.connect(shop)
    await bulk_speed(fail_next=code, fail_after_objects=7)

    lines = await fetcher.stream(installation_id, "orders", mode="bulk", job_id=1)

    await assert_whole(shop, lines)
    rows = await fetcher.rows("SELECT status, search FROM fetcher.bulk_operations ORDER BY id")
    assert [row["status"] for row in rows] == ["failed"] + ["completed"] * full.SLICES
    assert all("id:>=" in row["search"] for row in rows[1:])


async def test_file_with_fewer_records_than_shopify_counted_is_not_whole(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    shop = await make_shop(orders=30)
    installation_id = await fetcher.connect(shop)
    await fetcher.stream(installation_id, "orders", mode="bulk", job_id=1)
    [row] = await fetcher.rows("SELECT gid FROM fetcher.bulk_operations")
    status = (await (await fetcher.session(installation_id)).call("bulk_status", {"id": row["gid"]})).data
    counted = int(status["bulkOperation"]["rootObjectCount"]) + 1
    status["bulkOperation"] |= {"rootObjectCount": str(counted), "completedAt": None}
    await shop.fault(operation="BulkStatus", status=200, body={"data": status})

    lines = await fetcher.stream(installation_id, "orders", mode="bulk", job_id=2)

    truth = await shop.truth("orders")
    assert (lines[-1]["type"], lines[-1]["count"]) == ("done", len(truth))
    rows = await fetcher.rows("SELECT status FROM fetcher.bulk_operations WHERE job_id = 2 ORDER BY id")
    assert [one["status"] for one in rows] == ["failed"] + ["completed"] * full.SLICES


async def test_slice_that_fails_too_is_read_by_pages(
    fetcher: Fetcher, make_shop: MakeShop, bulk_speed: BulkSpeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shopify_fetcher.reading.records.PageSize.MAX", 3)
    monkeypatch.setattr("shopify_fetcher.reading.records.PageSize.FIRST", dict.fromkeys(Resource, 3))
    shop = await make_shop(orders=30)
    installation_id = await fetcher.connect(shop)
    for _ in range(1 + 2):  # the whole, and the first two slices
        await bulk_speed(fail_next="INTERNAL_SERVER_ERROR")

    lines = await fetcher.stream(installation_id, "orders", mode="bulk", job_id=1)

    await assert_whole(shop, lines)
    calls = await shop.operations()
    assert calls.count("BulkRun") == 1 + full.SLICES
    assert calls.count("OrdersById") > 2

    cursors_told = [page["cursor"] for page in only(lines, "page")]
    for cursor in cursors_told:  # wherever a read was cut, the rest of it is the rest
        rest = await fetcher.stream(installation_id, "orders", mode="bulk", job_id=1, cursor=cursor)
        before = lines[: next(i for i, line in enumerate(lines) if line.get("cursor") == cursor)]
        ids = [line["id"] for line in only(before, "record") + only(rest, "record")]
        assert sorted(ids) == sorted(await shop.truth("orders"))
        assert rest[-1]["count"] == lines[-1]["count"]


async def test_operation_that_makes_no_progress_is_given_up(
    fetcher: Fetcher, make_shop: MakeShop, bulk_speed: BulkSpeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "STALLED_SECONDS", {"CREATED": 0.3, "RUNNING": 0.3})
    monkeypatch.setattr(full, "SLICES", 1)
    shop = await make_shop(orders=10)
    installation_id = await fetcher.connect(shop)
    await bulk_speed(minimum_seconds=3_600)

    lines = await fetcher.stream(installation_id, "orders", mode="bulk", job_id=1)

    await assert_whole(shop, lines)
    ended = (await shop.admin("", method="GET"))["bulkOperations"]
    assert {one["status"] for one in ended} <= {"CANCELED", "CANCELING"}
    assert len(ended) == 2


async def test_slots_that_stay_taken_lead_to_pages(
    fetcher: Fetcher, make_shop: MakeShop, bulk_speed: BulkSpeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "SLOT_WAIT_SECONDS", 0.05)
    monkeypatch.setattr(bulk, "SLOT_WAITS_MAX", 2)
    shop = await make_shop(orders=10)
    installation_id = await fetcher.connect(shop)
    await bulk_speed(concurrent_max=1, minimum_seconds=3_600)
    query = bulk_document(Resource.PRODUCTS, "")
    await (await fetcher.session(installation_id)).call("bulk_run", {"query": query})

    lines = await fetcher.stream(installation_id, "orders", mode="bulk", job_id=1)

    await assert_whole(shop, lines)
    assert only(lines, "throttled")


async def test_empty_page_that_says_more_follows_is_no_end(
    fetcher: Fetcher, make_shop: MakeShop, bulk_speed: BulkSpeed
) -> None:
    shop = await make_shop(orders=10)
    installation_id = await fetcher.connect(shop)
    for _ in range(1 + 1):  # the whole, and the first slice
        await bulk_speed(fail_next="INTERNAL_SERVER_ERROR")
    page = {"nodes": [], "pageInfo": {"hasNextPage": True}}
    await shop.fault(operation="OrdersById", status=200, body={"data": {"orders": page}})

    lines = await fetcher.stream(installation_id, "orders", mode="bulk", job_id=1)

    assert (lines[-1]["type"], lines[-1]["code"]) == ("failed", "protocol")


async def test_result_that_is_not_kept_any_more_is_made_again(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop(orders=10)
    installation_id = await fetcher.connect(shop)
    operation = {"id": "gid://shopify/BulkOperation/1", "status": "COMPLETED", "errorCode": None, "url": None}
    times = {"createdAt": "2026-11-01T00:00:00Z", "completedAt": "2026-11-01T00:01:00Z"}
    gone = {**operation, **times, "objectCount": "30", "rootObjectCount": "10", "fileSize": "1"}
    await shop.fault(operation="BulkStatus", status=200, body={"data": {"bulkOperation": gone}})

    lines = await fetcher.stream(installation_id, "orders", mode="bulk", job_id=1)

    await assert_whole(shop, lines)
    assert (await shop.operations()).count("BulkRun") == 2


async def test_empty_resource_is_done_with_nothing(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop(customers=0, orders=0, products=0)
    installation_id = await fetcher.connect(shop)

    lines = await fetcher.stream(installation_id, "products", mode="bulk", job_id=1)

    assert lines[-1] == {"type": "done", "count": 0, "objects": 0}


async def test_cut_download_is_fetched_again(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop(orders=30)
    installation_id = await fetcher.connect(shop)
    faults = [{"path": "/bulk/", "effect": "drop", "after_bytes": 500}]
    await shop.http.post("/_admin/faults", json=faults)

    lines = await fetcher.stream(installation_id, "orders", mode="bulk", job_id=1)

    assert (lines[-1]["type"], lines[-1]["count"]) == ("done", len(await shop.truth("orders")))


async def test_file_that_arrives_garbled_is_fetched_again(
    fetcher: Fetcher, make_shop: MakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lines are read while they come, so one that cannot be read is noticed before the file is counted."""
    monkeypatch.setattr(bulk, "Spool", partial(spool.Spool, part_bytes=1_000))
    shop = await make_shop(orders=30)
    installation_id = await fetcher.connect(shop)
    await shop.fault(path="/bulk/", status=200, body={"half": "a line"})

    lines = await fetcher.stream(installation_id, "orders", mode="bulk", job_id=1)

    await assert_whole(shop, lines)
    assert (await shop.operations()).count("BulkRun") == 1


async def test_children_before_their_parents_give_the_same_records(
    fetcher: Fetcher, make_shop: MakeShop, bulk_speed: BulkSpeed
) -> None:
    shop = await make_shop(orders=40)
    installation_id = await fetcher.connect(shop)
    usual = await fetcher.stream(installation_id, "orders", mode="bulk", job_id=1)
    await bulk_speed(children_first=True)

    turned = await fetcher.stream(installation_id, "orders", mode="bulk", job_id=2)

    def bodies(lines: list[dict[str, Any]]) -> Any:
        return {line["id"]: line["body"] for line in only(lines, "record")}

    assert bodies(turned) == bodies(usual)


async def test_orders_before_the_limit_are_left_out(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop(orders=60)
    installation_id = await fetcher.connect(shop)
    since = datetime.now(UTC) - timedelta(days=30)

    query: dict[str, str | int] = {"mode": "bulk", "job_id": 1, "created_since": since.isoformat()}
    lines = await fetcher.stream(installation_id, "orders", **query)
    paged = await fetcher.stream(installation_id, "orders", **{**query, "mode": "paged"})

    truth = await shop.truth("orders")
    wanted = {key for key, order in truth.items() if datetime.fromisoformat(order["createdAt"]) >= since}
    assert 0 < len(wanted) < len(truth)
    assert {line["id"] for line in only(lines, "record")} == wanted
    assert {line["id"] for line in only(paged, "record")} == wanted
    assert only(lines, "total")[0]["count"] == len(wanted)


async def test_reader_waits_while_all_slots_are_taken(
    fetcher: Fetcher, make_shop: MakeShop, bulk_speed: BulkSpeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "SLOT_WAIT_SECONDS", 0.1)
    shop = await make_shop(orders=10)
    installation_id = await fetcher.connect(shop)
    await bulk_speed(concurrent_max=1, minimum_seconds=1)
    query = bulk_document(Resource.PRODUCTS, "")
    await (await fetcher.session(installation_id)).call("bulk_run", {"query": query})

    lines = await fetcher.stream(installation_id, "orders", mode="bulk", job_id=1)

    assert only(lines, "throttled")
    assert lines[-1]["type"] == "done"


async def test_silence_is_broken_by_pings_with_progress(
    fetcher: Fetcher, make_shop: MakeShop, bulk_speed: BulkSpeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shopify_fetcher.reading.lines.PING_SECONDS", 0.2)
    shop = await make_shop(orders=10)
    installation_id = await fetcher.connect(shop)
    await bulk_speed(minimum_seconds=1)

    lines = await fetcher.stream(installation_id, "orders", mode="bulk", job_id=1)

    assert any("objects" in ping for ping in only(lines, "ping"))


async def test_unclear_starts_are_few_and_far_between(
    fetcher: Fetcher, make_shop: MakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start whose answer was lost was repeated at once, hundreds of times, until all slots were taken."""
    monkeypatch.setattr(bulk, "UNCLEAR_WAIT_SECONDS", 0.01)
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    await shop.fault(operation="BulkRun", status=502, times=2000)

    lines = await fetcher.stream(installation_id, "orders", mode="bulk", job_id=1)

    assert (lines[-1]["type"], lines[-1]["code"]) == ("failed", "shop_unreachable")
    assert (await shop.operations()).count("BulkRecent") == bulk.UNCLEAR_STARTS_MAX - 1
