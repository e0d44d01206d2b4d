import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shopify_simulator.shop.model import RESOURCES, Record, Resource, timestamp
from shopify_simulator.shop.mutate import create_customer, update_customer

from .worlds import ALL_ORDERS, NOW, SCOPES, World, ago, ids, make_shop, make_world, stored_query

RUN = stored_query("bulk_run")
DEADLINE_SECONDS = 20.0
CUSTOMER_IDS = "{ customers { edges { node { id } } } }"
CPU_SECONDS_MAX = 5.0
# Shopify's bulk answers have no lists inside, so the paged answer is brought to the same form for a comparison.
NESTED = {"customers": ["addressesV2"], "orders": ["lineItems"], "products": ["variants", "media"]}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = make_world(tmp_path)
    yield world
    world.bulk.close()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    tick = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        tick.wait(0.005)


def start(world: World, query: str) -> Record:
    answer = world.data(RUN, query=query)["bulkOperationRunQuery"]
    assert answer["userErrors"] == []
    return dict(answer["bulkOperation"])


def finish(world: World, operation: Record) -> Record:
    """The operation once it has ended."""
    status = stored_query("bulk_status")

    def ended() -> bool:
        state = world.data(status, id=operation["id"])["bulkOperation"]["status"]
        return state not in ("CREATED", "RUNNING", "CANCELING")

    until(ended)
    until(lambda: bool(world.events))
    return dict(world.data(status, id=operation["id"])["bulkOperation"])


def file_of(world: World, url: str) -> Path:
    path = world.bulk.open_file(url.rpartition("/")[2].removesuffix(".jsonl"))
    assert path is not None
    return path


def lines_of(world: World, url: str) -> list[Record]:
    # Only a line feed ends a line: splitlines would cut at U+2028 as well.
    text = file_of(world, url).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.split("\n") if line]


def run(world: World, query: str) -> tuple[Record, list[Record]]:
    operation = finish(world, start(world, query))
    return operation, lines_of(world, operation["url"]) if operation["url"] else []


def inner_query(resource: str) -> str:
    """The stored inner query without its filter."""
    return stored_query(f"bulk_{resource}").replace("(query: \"created_at:>='2026-09-23T00:00:00Z'\")", "")


def joined(lines: list[Record]) -> dict[str, Record]:
    """Root objects with their children, by id."""
    roots = {line["id"]: {**line, "children": []} for line in lines if "__parentId" not in line}
    for line in lines:
        if "__parentId" in line:
            child = {key: value for key, value in line.items() if key not in ("__parentId", "__typename")}
            roots[line["__parentId"]]["children"].append(child)
    return roots


def shared(paged: Any, bulk: Any) -> Any:
    """The paged answer cut to what the bulk query asks for."""
    if isinstance(bulk, dict):
        return {key: shared(paged[key], value) for key, value in bulk.items()}
    if isinstance(bulk, list):
        return [shared(item, wanted) for item, wanted in zip(paged, bulk, strict=True)]
    return paged


@pytest.mark.parametrize("resource", RESOURCES)
def test_bulk_file_holds_what_the_pages_hold(world: World, resource: Resource) -> None:
    world.granted(ALL_ORDERS)
    _, lines = run(world, inner_query(resource))
    bulk = joined(lines)

    pages = {node["id"]: node for node in world.all(resource, 20)}

    assert set(bulk) == set(pages)
    for identifier, root in bulk.items():
        children, page = root.pop("children"), pages[identifier]
        root.pop("__typename")
        assert shared(page, root) == root
        listed = [child for name in NESTED[resource] for child in page[name]["nodes"]]
        if all(not page[name]["pageInfo"]["hasNextPage"] for name in NESTED[resource]):
            assert [shared(item, child) for item, child in zip(listed, children, strict=True)] == children


def test_operation_counts_roots_objects_and_bytes(world: World) -> None:
    operation, lines = run(world, inner_query("products"))

    assert operation["status"] == "COMPLETED"
    assert operation["objectCount"] == str(len(lines))
    assert operation["rootObjectCount"] == str(len(world.shop.products))
    assert operation["fileSize"] == str(file_of(world, operation["url"]).stat().st_size)
    assert operation["url"].startswith("http://files.example/bulk/")
    assert (operation["errorCode"], operation["partialDataUrl"]) == (None, None)


def test_type_names_tell_the_lines_apart(world: World) -> None:
    _, lines = run(world, inner_query("products"))

    assert {line["__typename"] for line in lines} >= {"Product", "ProductVariant", "MediaImage"}
    assert all(f"/{line['__typename']}/" in line["id"] for line in lines)


def test_result_without_objects_has_no_url(tmp_path: Path) -> None:
    world = make_world(tmp_path, make_shop(customers=0, orders=0, products=0))

    operation, _ = run(world, CUSTOMER_IDS)

    assert (operation["status"], operation["url"], operation["objectCount"]) == ("COMPLETED", None, "0")


def test_filter_of_the_inner_query_is_honoured(world: World) -> None:
    bound = timestamp(ago(days=20))
    wanted = {order["id"] for order in world.shop.orders.values() if order["createdAt"] >= bound}

    _, lines = run(
        world, f"""{{ orders(query: "created_at:>='{bound}'") {{ edges {{ node {{ id }} }} }} }}"""
    )

    assert set(ids(lines)) == wanted
    assert wanted


def test_old_orders_are_missing_without_the_scope(world: World) -> None:
    bound = timestamp(ago(days=60))

    _, lines = run(world, "{ orders { edges { node { id createdAt } } } }")

    assert min(line["createdAt"] for line in lines) >= bound
    assert len(lines) < len(world.shop.orders)


def test_file_is_a_snapshot_of_the_start(world: World) -> None:
    key = next(iter(world.shop.customers))
    with world.bulk._processor:
        operation = start(world, "{ customers { edges { node { id note } } } }")
        update_customer(world.shop, key, NOW, note="too late")
        create_customer(world.shop, NOW)

    finished = finish(world, operation)

    lines = lines_of(world, finished["url"])
    assert len(lines) == len(world.shop.customers) - 1
    assert "too late" not in [line["note"] for line in lines]


def test_grouped_children_follow_their_parent(world: World) -> None:
    query = "{ customers { edges { node { id addressesV2 { edges { node { id } } } } } } }"
    document = RUN.replace("groupObjects: false", "groupObjects: true")
    operation = world.data(document, query=query)["bulkOperationRunQuery"]["bulkOperation"]

    lines = lines_of(world, finish(world, operation)["url"])

    parent = None
    for line in lines:
        parent = line["id"] if "__parentId" not in line else parent
        assert line.get("__parentId", parent) == parent


def test_children_can_come_before_their_parents(tmp_path: Path) -> None:
    world = make_world(tmp_path, children_first=True)

    _, lines = run(world, inner_query("customers"))

    assert "__parentId" in lines[0]
    assert "__parentId" not in lines[-1]


@pytest.mark.parametrize(
    "query",
    [
        "{ shop { id } }",
        "{ customers { edges { node { id } } } orders { edges { node { id } } } }",
        "query Q($q: String) { customers(query: $q) { edges { node { id } } } }",
        "{ node(id: 1) { id } }",
        "{ customers { edges { node { colour } } } }",
        "{ customers { edges {",
        "mutation { appUninstall { app { id } } }",
        "{ orders { edges { node { id discountApplications { edges { node { index } } } } } } }",
        "{ orders { edges { node { id customer { addressesV2 { edges { node { id } } } } } } } }",
        "{ webhookSubscriptions { edges { node { id } } } }",
        "{ products { nodes { variants { nodes { product { media { nodes { id } } } } } } } }",
        "{ customers { edges { node { id } } } } query Second { shop { id } }",
    ],
)  # fmt: skip
def test_query_that_cannot_run_in_bulk_is_refused(world: World, query: str) -> None:
    answer = world.data(RUN, query=query)["bulkOperationRunQuery"]

    assert answer["bulkOperation"] is None
    assert answer["userErrors"][0]["code"] == "INVALID"
    assert answer["userErrors"][0]["field"] == ["query"]


def test_aliases_fragments_and_directives_are_honoured(world: World) -> None:
    query = """
    { products { nodes {
      ...Names @skip(if: true)
      key: id
      media { nodes { id ... on MediaImage { kind: mediaContentType } } }
    } } }
    fragment Names on Product { title }
    """

    _, lines = run(world, query)

    roots = [line for line in lines if "__parentId" not in line]
    images = [line for line in lines if "/MediaImage/" in line.get("id", "")]
    assert all(set(root) == {"key"} for root in roots)
    assert images
    assert all(image["kind"] == "IMAGE" for image in images)


def test_aliases_may_be_the_names_of_other_fields(world: World) -> None:
    query = """{ customers { nodes {
      id firstName: lastName lastName: firstName note: __typename
      state: amountSpent { amount: currencyCode } amountSpent { amount }
    } } }"""

    _, lines = run(world, query)

    assert lines == [
        {
            "id": customer["id"],
            "firstName": customer["lastName"],
            "lastName": customer["firstName"],
            "note": "Customer",
            "state": {"amount": customer["amountSpent"]["currencyCode"]},
            "amountSpent": {"amount": customer["amountSpent"]["amount"]},
        }
        for customer in world.shop.customers.values()
    ]
    assert list(lines[0]) == ["id", "firstName", "lastName", "note", "state", "amountSpent"]


def test_plain_lists_are_as_long_as_first_asks(world: World) -> None:
    world.granted(ALL_ORDERS)

    _, lines = run(
        world, "{ orders { edges { node { id all: refunds { id } none: refunds(first: 0) { id } } } } }"
    )

    assert {len(line["none"]) for line in lines} == {0}
    assert max(len(line["all"]) for line in lines) == 1


def test_missing_scope_fails_the_operation(world: World) -> None:
    world.granted(SCOPES - {"read_orders"})

    operation, _ = run(world, "{ customers { edges { node { id lastOrder { id } } } } }")

    assert (operation["status"], operation["errorCode"], operation["url"]) == (
        "FAILED",
        "ACCESS_DENIED",
        None,
    )
    assert world.events == ["FAILED"]


def test_five_operations_run_at_once_and_a_sixth_is_refused(world: World) -> None:
    with world.bulk._processor:
        operations = [start(world, CUSTOMER_IDS) for _ in range(5)]

        refused = world.data(RUN, query=CUSTOMER_IDS)["bulkOperationRunQuery"]

        assert refused["userErrors"][0]["code"] == "LIMIT_REACHED"
        running = world.data(stored_query("bulk_running"))["bulkOperations"]["nodes"]
        assert sorted(ids(running)) == sorted(ids(operations))
    until(lambda: len(world.events) == 5)
    assert world.data(stored_query("bulk_running"))["bulkOperations"]["nodes"] == []


def test_single_slot_names_the_operation_in_progress(tmp_path: Path) -> None:
    world = make_world(tmp_path, concurrent_max=1)
    with world.bulk._processor:
        operation = start(world, CUSTOMER_IDS)

        refused = world.data(RUN, query=CUSTOMER_IDS)["bulkOperationRunQuery"]["userErrors"][0]

    assert refused["code"] == "OPERATION_IN_PROGRESS"
    assert operation["id"] in refused["message"]
    finish(world, operation)


def test_cancelled_operation_leaves_no_file(tmp_path: Path) -> None:
    world = make_world(tmp_path, minimum_seconds=60)
    operation = start(world, CUSTOMER_IDS)

    answer = world.data(stored_query("bulk_cancel"), id=operation["id"])["bulkOperationCancel"]

    finished = finish(world, operation)
    assert answer == {"bulkOperation": {"id": operation["id"], "status": "CANCELING"}, "userErrors": []}
    assert (finished["status"], finished["url"]) == ("CANCELED", None)
    assert list((tmp_path / "bulk").iterdir()) == []


def test_finished_operation_cannot_be_cancelled(world: World) -> None:
    operation, _ = run(world, CUSTOMER_IDS)

    answer = world.data(stored_query("bulk_cancel"), id=operation["id"])["bulkOperationCancel"]

    assert "completed" in answer["userErrors"][0]["message"]


def test_operation_takes_its_minimum_time(tmp_path: Path) -> None:
    world = make_world(tmp_path, minimum_seconds=0.3)
    started = time.monotonic()

    run(world, CUSTOMER_IDS)

    assert time.monotonic() - started >= 0.3


def test_failing_operation_keeps_partial_data(world: World) -> None:
    world.bulk.fail_next("TIMEOUT", after_objects=10)

    operation, _ = run(world, CUSTOMER_IDS)

    assert (operation["status"], operation["errorCode"], operation["url"]) == ("FAILED", "TIMEOUT", None)
    assert lines_of(world, operation["partialDataUrl"])


@pytest.mark.parametrize(("days", "lives"), [(6.99, True), (7, False)])
def test_address_of_a_result_lives_seven_days(world: World, days: float, lives: bool) -> None:
    whole, _ = run(world, CUSTOMER_IDS)
    world.events.clear()
    world.bulk.fail_next("TIMEOUT", after_objects=10)
    partial, _ = run(world, CUSTOMER_IDS)

    world.now += timedelta(days=days)

    status = stored_query("bulk_status")
    later = [world.data(status, id=one["id"])["bulkOperation"] for one in (whole, partial)]
    expected = [whole["url"], partial["partialDataUrl"]] if lives else [None, None]
    assert [later[0]["url"], later[1]["partialDataUrl"]] == expected
    assert [one["status"] for one in later] == ["COMPLETED", "FAILED"]


def test_forgetting_an_installation_stops_its_operations(tmp_path: Path) -> None:
    world = make_world(tmp_path, minimum_seconds=60)
    start(world, CUSTOMER_IDS)

    world.bulk.forget(world.app)

    until(lambda: world.events == ["CANCELED"])
    assert not world.app.bulk_operations


@pytest.mark.parametrize("token", ["", "unknown", "../secret", "/etc/passwd"])
def test_unknown_token_has_no_file(world: World, token: str) -> None:
    (world.bulk.folder.parent / "secret.jsonl").write_text("{}")

    assert world.bulk.open_file(token) is None


def test_completion_is_told_with_the_time(world: World) -> None:
    operation = start(world, CUSTOMER_IDS)
    finished = finish(world, operation)

    assert world.events == ["COMPLETED"]
    assert finished["completedAt"] == timestamp(NOW)
    assert operation["createdAt"] == timestamp(NOW)


def test_many_orders_are_written_quickly(tmp_path: Path) -> None:
    world = make_world(tmp_path, make_shop(customers=100, orders=5_000, products=100), scopes=ALL_ORDERS)
    started = time.process_time()

    operation = finish(world, start(world, inner_query("orders")))

    assert time.process_time() - started < CPU_SECONDS_MAX
    assert operation["rootObjectCount"] == "5000"
