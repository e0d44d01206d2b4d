from datetime import timedelta
from pathlib import Path

import pytest

from shopify_simulator.graphql import paging
from shopify_simulator.shop.model import RESOURCES, Resource, timestamp
from shopify_simulator.shop.mutate import delete_customer, update_customer, update_order

from .worlds import ALL_ORDERS, NOW, World, ago, ids, make_shop, make_world, stored_query

SIXTY_DAYS_AGO = timestamp(ago(days=60))
SORTED_LIST = """
query Sorted($key: OrderSortKeys!, $reverse: Boolean!, $first: Int, $last: Int, $after: String, $before: String) {
  orders(first: $first, last: $last, after: $after, before: $before, sortKey: $key, reverse: $reverse) {
    nodes { id }
    edges { cursor node { id } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""
COUNT_CUSTOMERS = (
    "query($limit: Int, $query: String) { customersCount(limit: $limit, query: $query) { count precision } }"
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


@pytest.mark.parametrize("size", [1, 2, 7, 40, 250])
@pytest.mark.parametrize("resource", RESOURCES)
def test_pages_of_any_size_hold_every_record_once(world: World, resource: Resource, size: int) -> None:
    world.granted(ALL_ORDERS)
    wanted = sorted(
        world.shop.records(resource).values(), key=lambda r: (r["updatedAt"], int(r["legacyResourceId"]))
    )

    # An order page of 250 is dearer than a query may be.
    found = world.all(resource, min(size, 25) if resource == "orders" else size)

    assert ids(found) == ids(wanted)


@pytest.mark.parametrize("key", ["CREATED_AT", "ID", "PROCESSED_AT", "UPDATED_AT"])
@pytest.mark.parametrize("reverse", [False, True])
def test_lists_are_sorted_by_key_and_direction(world: World, key: str, reverse: bool) -> None:
    world.granted(ALL_ORDERS)
    field = {"ID": "id", "CREATED_AT": "createdAt", "PROCESSED_AT": "processedAt", "UPDATED_AT": "updatedAt"}[
        key
    ]
    orders = world.shop.orders.values()
    wanted = sorted(orders, key=lambda order: (order[field], int(order["legacyResourceId"])), reverse=reverse)

    page = world.data(SORTED_LIST, key=key, reverse=reverse, first=100)["orders"]

    assert ids(page["nodes"]) == ids(wanted)


def test_paging_backwards_ends_where_paging_forwards_began(world: World) -> None:
    forward = world.data(SORTED_LIST, key="ID", reverse=False, first=10)["orders"]
    second = world.data(
        SORTED_LIST, key="ID", reverse=False, first=10, after=forward["pageInfo"]["endCursor"]
    )["orders"]

    back = world.data(SORTED_LIST, key="ID", reverse=False, last=10, before=second["edges"][0]["cursor"])[
        "orders"
    ]

    assert back["nodes"] == forward["nodes"]
    assert back["pageInfo"]["hasPreviousPage"] is False
    assert back["pageInfo"]["hasNextPage"] is True


def test_record_updated_while_paging_moves_to_the_end(world: World) -> None:
    pages = world.pages("customers", 10)
    first = next(pages)
    moved = first[0]["id"]
    update_customer(world.shop, int(first[0]["legacyResourceId"]), NOW + timedelta(seconds=1), note="moved")

    rest = [node for page in pages for node in page]

    assert rest[-1]["id"] == moved
    assert len(first) + len(rest) == len(world.shop.customers) + 1


@pytest.mark.parametrize("cursor", ["nonsense", "eyJ9", "bnVsbA=="])
def test_bad_cursor_is_an_error(world: World, cursor: str) -> None:
    answer = world.ask(stored_query("customers_page"), first=1, after=cursor)

    assert answer["errors"][0]["message"] == "Invalid cursor for current pagination sort."


@pytest.mark.parametrize("other", [{"key": "CREATED_AT"}, {"query": "status:open"}])
def test_cursor_of_another_order_or_filter_is_an_error(world: World, other: dict[str, str]) -> None:
    query = SORTED_LIST.replace("$before: String", "$before: String, $query: String").replace(
        "sortKey", "query: $query, sortKey"
    )
    listed = {"key": "ID", "reverse": False, "first": 5}
    cursor = world.data(query, **listed)["orders"]["pageInfo"]["endCursor"]

    answer = world.ask(query, **{**listed, **other}, after=cursor)

    assert answer["errors"][0]["message"] == "Invalid cursor for current pagination sort."


def test_pages_of_one_connection_end_at_the_limit(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "PAGED_OBJECTS_MAX", 30)
    pages = world.pages("customers", 10)

    found = [node for _ in range(3) for node in next(pages)]

    assert len(set(ids(found))) == 30
    with pytest.raises(AssertionError, match="Pages of one connection end at 30 objects"):
        next(pages)


@pytest.mark.parametrize("size", [251, -1])
def test_page_size_outside_the_limit_is_an_error(world: World, size: int) -> None:
    answer = world.ask(stored_query("customers_page"), first=size)

    assert answer["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


def test_page_size_must_be_given(world: World) -> None:
    answer = world.ask("{ customers { nodes { id } } }")

    assert answer["errors"][0]["message"] == "you must provide one of first or last"


def test_filter_by_quoted_times_cuts_a_window(world: World) -> None:
    start, end = timestamp(ago(days=40)), timestamp(ago(days=5))
    wanted = {c["id"] for c in world.shop.customers.values() if start <= c["updatedAt"] <= end}

    found = world.all("customers", 3, f"updated_at:>='{start}' AND updated_at:<'{end}'")

    assert wanted
    assert set(ids(found)) == wanted
    assert len(found) == len(wanted)


def test_time_without_quotes_loses_its_time_of_day(world: World) -> None:
    moment = NOW - timedelta(hours=1)
    update_customer(
        world.shop, next(iter(world.shop.customers)), moment - timedelta(hours=2), note="earlier today"
    )
    exact = world.all("customers", 50, f"updated_at:>='{timestamp(moment)}'")

    loose = world.all("customers", 50, f"updated_at:>={timestamp(moment)}")

    assert len(loose) > len(exact)


def test_unknown_search_field_matches_all_with_a_warning(world: World) -> None:
    answer = world.ask(stored_query("customers_page"), first=250, query="colour:red")

    assert len(answer["data"]["customers"]["nodes"]) == len(world.shop.customers)
    assert answer["extensions"]["search"][0]["warnings"][0]["field"] == "colour"


def test_orders_are_found_by_financial_status(world: World) -> None:
    world.granted(ALL_ORDERS)
    wanted = {
        o["id"] for o in world.shop.orders.values() if o["displayFinancialStatus"] in ("PAID", "VOIDED")
    }

    found = world.all("orders", 20, "financial_status:paid,voided")

    assert set(ids(found)) == wanted


def test_old_orders_are_hidden_without_the_scope_for_all_orders(world: World) -> None:
    visible = {o["id"] for o in world.shop.orders.values() if o["createdAt"] >= SIXTY_DAYS_AGO}
    hidden = next(order for order in world.shop.orders.values() if order["id"] not in visible)

    listed = world.all("orders", 20)
    counted = world.data(stored_query("counts"))["ordersCount"]
    by_id = world.data("query($id: ID!) { order(id: $id) { id } node(id: $id) { id } }", id=hidden["id"])

    assert set(ids(listed)) == visible
    assert counted == {"count": len(visible), "precision": "EXACT"}
    assert by_id == {"order": None, "node": None}


def test_all_orders_are_seen_with_the_scope(world: World) -> None:
    world.granted(ALL_ORDERS)

    counted = world.data(stored_query("counts"))["ordersCount"]

    assert counted["count"] == len(world.shop.orders)
    assert len(world.all("orders", 20)) == len(world.shop.orders)


def test_order_leaves_the_window_as_time_passes(world: World) -> None:
    before = len(world.all("orders", 20))

    world.now = NOW + timedelta(days=30)

    assert 0 < len(world.all("orders", 20)) < before


def test_last_order_outside_the_window_is_hidden(world: World) -> None:
    customer = next(
        c
        for c in world.shop.customers.values()
        if c["lastOrder"]
        and world.shop.orders[int(c["lastOrder"]["legacyResourceId"])]["createdAt"] >= SIXTY_DAYS_AGO
    )
    query = stored_query("customer_by_id")
    assert world.data(query, id=customer["id"])["customer"]["lastOrder"]["id"] == customer["lastOrder"]["id"]

    world.now = NOW + timedelta(days=70)

    assert world.data(query, id=customer["id"])["customer"]["lastOrder"] is None


@pytest.mark.parametrize(
    ("limit", "answer"),
    [(None, {"count": 40, "precision": "EXACT"}), (40, {"count": 40, "precision": "EXACT"}),
     (39, {"count": 39, "precision": "AT_LEAST"})],
)  # fmt: skip
def test_count_is_exact_up_to_its_limit(world: World, limit: int | None, answer: dict[str, object]) -> None:
    assert world.data(COUNT_CUSTOMERS, limit=limit)["customersCount"] == answer


def test_count_stops_at_ten_thousand_by_default(tmp_path: Path) -> None:
    world = make_world(tmp_path, make_shop(customers=10_001, orders=0, products=0))

    counted = world.data("{ customersCount { count precision } }")["customersCount"]

    assert counted == {"count": 10_000, "precision": "AT_LEAST"}


def test_count_takes_a_filter(world: World) -> None:
    bound = timestamp(ago(days=30))
    wanted = sum(1 for c in world.shop.customers.values() if c["updatedAt"] >= bound)

    counted = world.data(COUNT_CUSTOMERS, limit=None, query=f"updated_at:>='{bound}'")["customersCount"]

    assert counted["count"] == wanted


def test_count_of_a_range_holds_what_its_list_holds(world: World) -> None:
    world.granted(ALL_ORDERS)
    numbers = sorted(world.shop.orders)
    bound = timestamp(ago(days=20))
    search = f"created_at:>='{bound}' AND id:>={numbers[10]} AND id:<={numbers[-10]}"
    wanted = [n for n in numbers[10:-9] if world.shop.orders[n]["createdAt"] >= bound]

    counted = world.data("query($query: String) { ordersCount(query: $query) { count } }", query=search)
    listed = world.all("orders", 20, search)

    assert wanted
    assert counted["ordersCount"]["count"] == len(wanted)
    assert sorted(int(order["legacyResourceId"]) for order in listed) == wanted


def test_lagging_index_finds_a_change_only_later(world: World) -> None:
    world.shop.index_lag = timedelta(seconds=10)
    key = next(iter(world.shop.customers))
    update_customer(world.shop, key, NOW, first_name="Fresh")
    filter_ = f"updated_at:>='{timestamp(NOW)}'"
    assert world.all("customers", 10, filter_) == []

    world.now = NOW + timedelta(seconds=11)

    assert [node["firstName"] for node in world.all("customers", 10, filter_)] == ["Fresh"]


def test_lagging_index_answers_the_current_record_at_its_old_place(world: World) -> None:
    world.shop.index_lag = timedelta(seconds=10)
    before = ids(world.all("customers", 10))
    update_customer(world.shop, int(before[0].rpartition("/")[2]), NOW, first_name="Fresh")

    after = world.all("customers", 10)

    assert ids(after) == before
    assert after[0]["firstName"] == "Fresh"


def test_lagging_index_does_not_show_a_deleted_record(world: World) -> None:
    world.shop.index_lag = timedelta(seconds=10)
    key = next(k for k, customer in world.shop.customers.items() if customer["lastOrder"] is None)
    deleted = delete_customer(world.shop, key, NOW)

    assert deleted.before is not None
    assert deleted.before["id"] not in ids(world.all("customers", 10))


def test_index_keeps_up_with_changes(world: World) -> None:
    world.all("orders", 20)
    key = next(k for k, order in world.shop.orders.items() if order["createdAt"] >= SIXTY_DAYS_AGO)

    update_order(world.shop, key, NOW + timedelta(seconds=5), note="changed")

    assert world.all("orders", 20)[-1]["legacyResourceId"] == str(key)
