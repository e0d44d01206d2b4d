"""Paged reads: windows, nested lists, throttling, dear queries, cursors."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shopify_fetcher.domain import cursor as cursors
from shopify_fetcher.domain.cursor import PageCursor
from shopify_fetcher.reading import pages

from ..builders import Fetcher, MakeShop, only


async def test_window_holds_what_changed_since_and_nothing_older(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    shop = await make_shop(customers=30)
    installation_id = await fetcher.connect(shop)
    since = datetime.now(UTC) - timedelta(seconds=1)
    truth = await shop.truth("customers")
    changed = sorted(truth)[:3]
    for number in changed:
        await shop.admin(
            "/mutations", {"kind": "customer.update", "id": int(number), "changes": {"note": "new"}}
        )

    lines = await fetcher.stream(
        installation_id, "customers", mode="paged", lane="incremental", updated_since=since.isoformat()
    )

    assert sorted(line["id"] for line in only(lines, "record")) == changed
    assert lines[-1] == {"type": "done", "count": 3, "objects": None}
    assert only(lines, "total") == [{"type": "total", "count": 3}]


async def test_cursor_resumes_with_the_same_window(
    fetcher: Fetcher, make_shop: MakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shopify_fetcher.reading.records.PageSize.MAX", 20)
    shop = await make_shop(orders=70, plan="enterprise")
    installation_id = await fetcher.connect(shop)
    whole = await fetcher.stream(installation_id, "orders", mode="paged")
    pages = only(whole, "page")

    rest = await fetcher.stream(installation_id, "orders", mode="paged", cursor=pages[0]["cursor"])

    ids = [line["id"] for line in only(whole, "record")]
    assert [line["id"] for line in only(rest, "record")] == ids[pages[0]["count"] :]
    assert rest[-1] == whole[-1]
    assert only(rest, "started")[0]["shopify_time"] == only(whole, "started")[0]["shopify_time"]


async def test_throttled_call_is_waited_out(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop(orders=5)
    installation_id = await fetcher.connect(shop)
    await shop.fault(operation="OrdersPage", effect="throttled")

    lines = await fetcher.stream(installation_id, "orders", mode="paged")

    assert lines[-1]["type"] == "done"
    [usage] = await fetcher.rows("SELECT sum(throttled)::int AS throttled FROM fetcher.api_usage")
    assert usage["throttled"] == 1


async def test_block_by_another_process_is_waited_for_and_told(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop(orders=5)
    installation_id = await fetcher.connect(shop)
    await fetcher.execute(
        "UPDATE fetcher.api_budgets SET blocked_until = clock_timestamp() + interval '1.2 seconds'"
    )

    lines = await fetcher.stream(installation_id, "orders", mode="paged")

    assert 1 <= only(lines, "throttled")[0]["resume_in"] <= 1.2
    assert lines[-1]["type"] == "done"


async def test_spent_budget_is_waited_for_without_a_refusal(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop(orders=5, plan="enterprise")
    installation_id = await fetcher.connect(shop)
    await shop.admin("", {"api_points_left": 0}, method="PATCH")

    lines = await fetcher.stream(installation_id, "orders", mode="paged")

    assert lines[-1]["type"] == "done"
    [usage] = await fetcher.rows("SELECT sum(throttled)::int AS throttled FROM fetcher.api_usage")
    assert usage["throttled"] <= 1


async def test_too_dear_query_is_halved(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop(orders=15, plan="enterprise")
    installation_id = await fetcher.connect(shop)
    refusal = {"errors": [{"message": "too dear", "extensions": {"code": "MAX_COST_EXCEEDED"}}]}
    await shop.fault(operation="OrdersPage", status=200, body=refusal)

    lines = await fetcher.stream(installation_id, "orders", mode="paged")

    assert only(lines, "page")[0]["count"] == 10
    assert lines[-1]["count"] == len(await shop.truth("orders"))


@pytest.mark.parametrize(
    ("fault", "code", "retryable"),
    [
        ({"status": 402}, "shop_unavailable", True),
        ({"status": 404}, "shop_gone", True),
        ({"status": 403}, "access_denied", False),
        ({"status": 301, "headers": {"location": "https://evil.example"}}, "shop_unreachable", True),
        (
            {"status": 200, "body": {"data": None, "errors": [{"extensions": {"code": "ACCESS_DENIED"}}]}},
            "access_denied",
            False,
        ),
        ({"status": 500}, "shop_unreachable", True),
    ],
)
async def test_refusals_are_named_for_the_reaction(
    fetcher: Fetcher, make_shop: MakeShop, fault: dict[str, Any], code: str, retryable: bool
) -> None:
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    await shop.fault(path="graphql.json", operation="OrdersPage", times=50, **fault)

    lines = await fetcher.stream(installation_id, "orders", mode="paged")

    assert (lines[-1]["type"], lines[-1]["code"], lines[-1]["retryable"]) == ("failed", code, retryable)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"data": []}, "protocol"),
        ({"errors": "No."}, "protocol"),
        ({"data": None, "errors": {"base": ["No."]}}, "protocol"),
        ({"data": {"orders": {"nodes": []}}, "errors": ["No."], "extensions": None}, "shop_unreachable"),
        ({"data": {"orders": None}, "extensions": {"cost": "much"}}, "protocol"),
    ],
)
async def test_answer_of_another_shape_is_a_failure_with_a_word(
    fetcher: Fetcher, make_shop: MakeShop, body: dict[str, Any], code: str
) -> None:
    """The stream broke off without one, so that it was asked for eight times more before the job failed."""
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    await shop.fault(operation="OrdersPage", status=200, body=body, times=50)

    lines = await fetcher.stream(installation_id, "orders", mode="paged")

    assert (lines[-1]["type"], lines[-1].get("code")) == ("failed", code)


async def test_moment_of_failure_is_not_noticed(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    await shop.fault(operation="OrdersPage", status=502, times=2)

    lines = await fetcher.stream(installation_id, "orders", mode="paged")

    assert lines[-1]["type"] == "done"


async def test_cursor_of_another_mode_is_refused(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    lines = await fetcher.stream(installation_id, "orders", mode="paged")

    async with fetcher.client() as client:
        answer = await client.get(
            f"/v1/installations/{installation_id}/records/orders",
            params={"mode": "bulk", "cursor": only(lines, "page")[0]["cursor"]},
        )

    assert (answer.status_code, answer.json()["code"]) == (422, "bad_cursor")


async def test_record_deleted_while_its_lists_are_read_is_left_out_not_cut(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    """A product deleted between two pages of its variants was handed over with the first hundred of them."""
    shop = await make_shop(products=4)
    installation_id = await fetcher.connect(shop)
    await shop.fault(operation="MoreVariants", status=200, body={"data": {"product": None}})

    lines = await fetcher.stream(installation_id, "products", mode="paged")

    truth = await shop.truth("products")
    [large] = [number for number, product in truth.items() if len(product["variants"]) > 100]
    assert {line["id"] for line in only(lines, "record")} == set(truth) - {large}
    assert lines[-1]["type"] == "done"


async def test_record_that_stays_short_of_a_list_fails(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop(products=4)
    installation_id = await fetcher.connect(shop)
    page = {"nodes": [], "pageInfo": {"hasNextPage": True, "endCursor": None}}
    body = {"data": {"product": {"variants": page}}}
    await shop.fault(operation="MoreVariants", status=200, body=body, times=50)

    lines = await fetcher.stream(installation_id, "products", mode="paged")

    assert (lines[-1]["type"], lines[-1]["code"]) == ("failed", "protocol")
    assert only(lines, "record") == []


async def test_field_that_may_not_be_read_is_absent_not_null(fetcher: Fetcher, make_shop: MakeShop) -> None:
    """Null would erase what was read while it was still allowed."""
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    node = {
        "id": "gid://shopify/Customer/1",
        "updatedAt": "2026-11-01T00:00:00Z",
        "note": None,
        "state": "ENABLED",
    }
    page = {
        "nodes": [{**node, "addressesV2": {"nodes": []}}],
        "pageInfo": {"hasNextPage": False, "endCursor": None},
    }
    refusal = {"path": ["customers", "nodes", 0, "note"], "extensions": {"code": "ACCESS_DENIED"}}
    body = {"data": {"customers": page}, "errors": [refusal]}
    await shop.fault(operation="CustomersPage", status=200, body=body)

    lines = await fetcher.stream(installation_id, "customers", mode="paged")

    [record] = only(lines, "record")
    assert set(record["body"]) == {"id", "updatedAt", "state", "addressesV2"}


@pytest.mark.parametrize("code", ["INTERNAL_SERVER_ERROR", "TIMEOUT", "UNHEARD_OF"])
async def test_answer_with_holes_is_asked_for_again(fetcher: Fetcher, make_shop: MakeShop, code: str) -> None:
    """Records whose fields had failed at Shopify were handed over with nulls."""
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    page = {"nodes": [{"id": "gid://shopify/Order/1", "note": None}], "pageInfo": {"hasNextPage": False}}
    error = {"path": ["orders", "nodes", 0, "note"], "extensions": {"code": code}}
    body = {"data": {"orders": page}, "errors": [error]}
    await shop.fault(operation="OrdersPage", status=200, body=body, times=2)

    lines = await fetcher.stream(installation_id, "orders", mode="paged")

    assert {line["id"] for line in only(lines, "record")} == set(await shop.truth("orders"))


@pytest.mark.parametrize(("resource", "operation"), [("orders", "OrdersPage"), ("products", "MoreVariants")])
async def test_page_that_leads_back_to_itself_is_asked_for_again(
    fetcher: Fetcher, make_shop: MakeShop, resource: str, operation: str
) -> None:
    """One such answer failed the whole sync."""
    shop = await make_shop(orders=60)
    installation_id = await fetcher.connect(shop)
    await shop.fault(operation=operation, effect="repeat_cursor", times=2)

    lines = await fetcher.stream(installation_id, resource, mode="paged")

    assert {line["id"] for line in only(lines, "record")} == set(await shop.truth(resource))
    assert lines[-1]["count"] == len(only(lines, "record"))


async def test_list_that_goes_on_without_saying_where_is_no_end(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    page = {"nodes": [], "pageInfo": {"hasNextPage": True, "endCursor": None}}
    await shop.fault(operation="OrdersPage", status=200, body={"data": {"orders": page}}, times=50)

    lines = await fetcher.stream(installation_id, "orders", mode="paged")

    assert (lines[-1]["type"], lines[-1]["code"]) == ("failed", "protocol")


async def test_long_list_goes_on_in_new_windows(
    fetcher: Fetcher, make_shop: MakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shopify ends a list after 25,000 objects: a store with more changes than that could not catch up any more."""
    monkeypatch.setattr(pages, "LISTED_MAX", 30)
    shop = await make_shop(orders=100)
    installation_id = await fetcher.connect(shop)

    lines = await fetcher.stream(installation_id, "orders", mode="paged")

    cursors_told = [cursors.decode(line["cursor"]) for line in only(lines, "page")]
    windows = {cursor.since for cursor in cursors_told if isinstance(cursor, PageCursor)}
    assert len(windows) > 2
    assert {line["id"] for line in only(lines, "record")} == set(await shop.truth("orders"))
    assert lines[-1]["type"] == "done"


async def test_more_changes_within_one_second_than_a_window_holds_are_all_listed(
    fetcher: Fetcher, make_shop: MakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "LISTED_MAX", 1)
    shop = await make_shop(customers=150)
    installation_id = await fetcher.connect(shop)
    await shop.admin("/mutations", {"random": 40, "seed": 1})

    lines = await fetcher.stream(installation_id, "customers", mode="paged")

    assert {line["id"] for line in only(lines, "record")} == set(await shop.truth("customers"))
