import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shopify_simulator.graphql.context import RequestContext
from shopify_simulator.graphql.cost import size_factor
from shopify_simulator.graphql.execute import execute
from shopify_simulator.shop.bucket import LeakyBucket
from shopify_simulator.shop.model import Record
from shopify_simulator.shop.mutate import delete_customer, delete_product

from .worlds import (
    ALL_ORDERS,
    NOW,
    QUERIES,
    SCOPES,
    World,
    make_installation,
    make_shop,
    make_world,
    stored_query,
)

CHEAP = "{ customers(first: 10) { nodes { id } } }"
PAGE_SECONDS_MAX = 1.0
INNER_QUERIES = {"bulk_customers", "bulk_orders", "bulk_products"}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def first_of(world: World, resource: Any) -> Record:
    return list(world.shop.records(resource).values())[-1]


VARIABLES: dict[str, dict[str, Any]] = {
    "bulk_run": {"query": "{ products { edges { node { id } } } }"},
    "bulk_status": {"id": "gid://shopify/BulkOperation/1"},
    "bulk_cancel": {"id": "gid://shopify/BulkOperation/1"},
    "customers_page": {"first": 10},
    "orders_page": {"first": 10},
    "products_page": {"first": 10},
    "order_line_items_page": {"first": 10},
    "product_variants_page": {"first": 10},
    "webhook_subscriptions": {"first": 10},
    "webhook_subscription_create": {
        "topic": "ORDERS_CREATE",
        "webhookSubscription": {"uri": "https://a.example/h"},
    },
    "webhook_subscription_delete": {"id": "gid://shopify/WebhookSubscription/1"},
}
RECORD_QUERIES = {
    "customer_by_id": "customers",
    "order_line_items_page": "orders",
    "product_variants_page": "products",
}


@pytest.mark.parametrize("name", sorted({path.stem for path in QUERIES.glob("*.graphql")} - INNER_QUERIES))
def test_every_stored_query_is_answered_without_errors(world: World, name: str) -> None:
    variables = dict(VARIABLES.get(name, {}))
    if name in RECORD_QUERIES:
        variables["id"] = first_of(world, RECORD_QUERIES[name])["id"]

    answer = world.ask(stored_query(name), **variables)

    assert "errors" not in answer
    assert answer["data"]
    assert (
        answer["extensions"]["cost"]["requestedQueryCost"]
        >= answer["extensions"]["cost"]["actualQueryCost"]
        > 0
    )
    world.bulk.close()


def test_shop_facts_are_answered_with_the_offset_of_today(world: World) -> None:
    facts = world.data(stored_query("shop_details"))

    assert facts["shop"]["myshopifyDomain"] == "acme.myshopify.com"
    assert facts["shop"]["timezoneOffsetMinutes"] == -300
    assert {scope["handle"] for scope in facts["currentAppInstallation"]["accessScopes"]} == SCOPES


def test_public_versions_name_the_newest_as_supported(world: World) -> None:
    versions = world.data("{ publicApiVersions { handle supported displayName } }")["publicApiVersions"]

    assert {"handle": "2026-10", "supported": True, "displayName": "2026-10 (Latest)"} in versions
    assert {v["handle"] for v in versions if not v["supported"]} == {"2027-01", "unstable"}


def test_nodes_answers_in_the_order_asked_with_null_for_the_unknown(world: World) -> None:
    customer, order, product = (first_of(world, name) for name in ("customers", "orders", "products"))
    wanted = [
        product["id"],
        "gid://shopify/Customer/1",
        order["id"],
        customer["id"],
        product["variants"][0]["id"],
    ]
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on Order { name } } }"

    nodes = world.data(query, ids=wanted)["nodes"]

    assert [node and node["id"] for node in nodes] == [wanted[0], None, *wanted[2:]]
    assert nodes[2] == {"__typename": "Order", "id": order["id"], "name": order["name"]}


def test_deleted_record_is_null_by_id(world: World) -> None:
    key = next(k for k, customer in world.shop.customers.items() if customer["lastOrder"] is None)
    change = delete_customer(world.shop, key, NOW)
    assert change.before is not None

    answer = world.data(stored_query("customer_by_id"), id=change.before["id"])

    assert answer == {"customer": None}
    assert world.shop.tombstones[-1].id == key


def test_line_of_a_deleted_product_loses_its_links(world: World) -> None:
    world.granted(ALL_ORDERS)
    order = next(o for o in world.shop.orders.values() if o["lineItems"][0]["product"])
    delete_product(world.shop, int(order["lineItems"][0]["product"]["legacyResourceId"]), NOW)

    answer = world.data(stored_query("order_line_items_page"), id=order["id"], first=1)

    line = answer["order"]["lineItems"]["nodes"][0]
    assert (line["product"], line["variant"]) == (None, None)
    assert line["title"] == order["lineItems"][0]["title"]


def test_refunds_of_an_order_are_answered(world: World) -> None:
    order = next(o for o in world.shop.orders.values() if o["refunds"])
    world.granted(ALL_ORDERS)
    query = (
        "query($id: ID!) { order(id: $id) { refunds { id note totalRefundedSet { shopMoney { amount } } } } }"
    )

    refunds = world.data(query, id=order["id"])["order"]["refunds"]

    assert [refund["id"] for refund in refunds] == [refund["id"] for refund in order["refunds"]]


@pytest.mark.parametrize(
    ("query", "scope", "path"),
    [
        (CHEAP, "read_customers", ["customers"]),
        ("{ orders(first: 1) { nodes { id } } }", "read_orders", ["orders"]),
        ("{ products(first: 1) { nodes { id } } }", "read_products", ["products"]),
        ("{ ordersCount { count } }", "read_orders", ["ordersCount"]),
    ],
)
def test_missing_scope_denies_access(world: World, query: str, scope: str, path: list[str]) -> None:
    world.granted(SCOPES - {scope})

    answer = world.ask(query)

    error = answer["errors"][0]
    assert error["message"] == f"Access denied for {path[0]} field. Required access: `{scope}` access scope."
    assert error["extensions"]["code"] == "ACCESS_DENIED"
    assert error["path"] == path


def test_denied_field_is_null_beside_the_data(world: World) -> None:
    world.granted(SCOPES - {"read_orders"})

    answer = world.ask("{ customers(first: 40) { nodes { id lastOrder { id } } } }")

    nodes = answer["data"]["customers"]["nodes"]
    assert len(nodes) == 40
    assert all(node["lastOrder"] is None for node in nodes)
    assert answer["errors"][0]["extensions"]["code"] == "ACCESS_DENIED"


def test_more_than_250_ids_are_refused(world: World) -> None:
    answer = world.ask(
        "query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=["gid://shopify/Customer/1"] * 251
    )

    assert answer["errors"][0]["extensions"]["code"] == "MAX_INPUT_SIZE_EXCEEDED"
    assert answer["data"] is None


def test_plain_lists_are_as_long_as_first_asks(world: World) -> None:
    order = next(order for order in world.shop.orders.values() if order["refunds"])
    product = first_of(world, "products")
    world.granted(ALL_ORDERS)
    query = """query($order: ID!, $product: ID!, $first: Int) {
      order(id: $order) { refunds(first: $first) { id } }
      product(id: $product) { options(first: $first) { name } }
    }"""

    lengths = [
        (len(data["order"]["refunds"]), len(data["product"]["options"]))
        for data in (
            world.data(query, order=order["id"], product=product["id"], first=first) for first in (None, 0, 1)
        )
    ]

    assert lengths == [(1, 1), (0, 0), (1, 1)]


def test_node_by_id_needs_the_scope_of_its_type(world: World) -> None:
    world.granted(SCOPES - {"read_products"})

    answer = world.ask("query($id: ID!) { node(id: $id) { id } }", id=first_of(world, "products")["id"])

    assert answer["errors"][0]["extensions"]["code"] == "ACCESS_DENIED"


def test_write_scope_implies_its_read(world: World) -> None:
    world.granted(frozenset({"write_customers"}))

    assert "errors" not in world.ask(CHEAP)


@pytest.mark.parametrize(
    ("query", "message", "code"),
    [
        ("{ shop { colour } }", "Field 'colour' doesn't exist on type 'Shop'", "undefinedField"),
        ("{ shop(id: 1) { id } }", "Field 'shop' doesn't accept argument 'id'", "argumentNotAccepted"),
        (
            "{ customer { id } }",
            "Field 'customer' is missing required arguments: id",
            "missingRequiredArguments",
        ),
        (
            "{ shop }",
            "Field must have selections (field 'shop' returns Shop but has no selections. "
            "Did you mean 'shop { ... }'?)",
            "selectionMismatch",
        ),
        (
            "{ shop { name { x } } }",
            "Selections can't be made on scalars (field 'name' returns String but has selections)",
            "selectionMismatch",
        ),
        (
            "query Q { customer(id: $id) { id } }",
            "Variable $id is used by Q but not declared",
            "variableNotDefined",
        ),
        ("query Q($id: ID) { shop { id } }", "Variable $id is declared by Q but not used", "variableNotUsed"),
        (
            "{ shop { ... on Nothing { id } } }",
            "No such type Nothing, so it can't be a fragment condition",
            "undefinedType",
        ),
    ],
)
def test_invalid_document_is_refused_in_shopifys_words(
    world: World, query: str, message: str, code: str
) -> None:
    answer = world.ask(query)

    assert "data" not in answer
    assert answer["errors"][0]["message"] == message
    assert answer["errors"][0]["extensions"]["code"] == code


def test_validation_error_names_the_path_in_the_document(world: World) -> None:
    answer = world.ask("query Shops { shop { plan { colour } } }")

    assert answer["errors"][0]["path"] == ["query Shops", "shop", "plan", "colour"]
    assert answer["errors"][0]["locations"] == [{"line": 1, "column": 29}]


@pytest.mark.parametrize("query", ["{ shop {", "", "{ shop { } }", "nonsense"])
def test_unreadable_document_is_a_syntax_error(world: World, query: str) -> None:
    answer = world.ask(query)

    assert answer["errors"][0]["message"].startswith("syntax error")


def test_variable_of_the_wrong_type_is_refused(world: World) -> None:
    answer = world.ask(stored_query("customers_page"), first="ten")

    assert answer["errors"][0]["message"] == "Variable $first of type Int! was provided invalid value"
    assert answer["errors"][0]["extensions"]["code"] == "INVALID_VARIABLE"


def test_operation_is_chosen_by_name(world: World) -> None:
    document = "query A { shop { id } } query B { shop { name } }"

    answers = [execute(world.context, document, {}, name) for name in ("A", "B", "C", None)]

    assert [set(answer.get("data", {"": 0})) for answer in answers] == [{"shop"}, {"shop"}, {""}, {""}]
    assert set(answers[1]["data"]["shop"]) == {"name"}


@pytest.mark.parametrize("bad", ["42", "gid://shopify/Order/1", "gid://shopify/Customer/abc"])
def test_id_of_another_type_is_an_error(world: World, bad: str) -> None:
    answer = world.ask(stored_query("customer_by_id"), id=bad)

    assert answer["errors"][0]["extensions"]["code"] == "RESOURCE_NOT_FOUND"
    assert answer["data"] == {"customer": None}


# Cost


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def limited(world: World, clock: Clock, maximum: int = 20, rate: int = 10) -> RequestContext:
    app = make_installation(bucket=LeakyBucket(maximum, rate, clock))
    return replace(world.context, app=app)


def test_known_cost_of_a_page_of_variants(world: World) -> None:
    query = "query($id: ID!) { product(id: $id) { variants(first: 250) { nodes { inventoryItem { id } } } } }"

    answer = world.ask(query, id=first_of(world, "products")["id"])

    assert answer["extensions"]["cost"]["requestedQueryCost"] == 25


def test_mutation_costs_ten(world: World) -> None:
    answer = world.ask(stored_query("webhook_subscription_delete"), id="gid://shopify/WebhookSubscription/1")

    assert answer["extensions"]["cost"]["requestedQueryCost"] == 10


def test_cost_grows_with_the_page() -> None:
    factors = [size_factor(size) for size in range(251)]

    assert factors == sorted(factors)
    assert factors[0] == 0


def test_dear_query_is_refused_whatever_the_budget(world: World) -> None:
    answer = world.ask(stored_query("orders_page"), first=250)

    error = answer["errors"][0]
    assert "data" not in answer
    assert error["extensions"]["code"] == "MAX_COST_EXCEEDED"
    assert error["extensions"]["cost"] > error["extensions"]["maxCost"] == 1000


def test_requested_cost_is_taken_and_the_unused_part_given_back(world: World) -> None:
    context = limited(world, Clock(), maximum=1000)

    cost = execute(context, CHEAP)["extensions"]["cost"]

    assert cost["throttleStatus"] == {
        "maximumAvailable": 1000.0,
        "currentlyAvailable": 1000 - cost["actualQueryCost"],
        "restoreRate": 10.0,
    }


def test_empty_pages_cost_less_than_requested(tmp_path: Path) -> None:
    world = make_world(tmp_path, make_shop(customers=0, orders=0, products=0))

    cost = world.ask(CHEAP)["extensions"]["cost"]

    assert cost["actualQueryCost"] == 2 < cost["requestedQueryCost"]


def test_empty_bucket_throttles_until_it_is_restored(world: World) -> None:
    clock = Clock()
    context = limited(world, clock)
    answers = [execute(context, CHEAP) for _ in range(5)]
    throttled = next(answer for answer in answers if "errors" in answer)
    assert throttled["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert throttled["errors"][0]["message"] == "Throttled"
    assert throttled["extensions"]["cost"]["actualQueryCost"] is None
    assert "data" not in throttled

    clock.seconds += 1.0

    assert "errors" not in execute(context, CHEAP)


def test_bucket_never_holds_more_than_its_maximum() -> None:
    clock = Clock()
    bucket = LeakyBucket(100, 10, clock)

    bucket.refund(50)
    clock.seconds += 1000

    assert bucket.available == 100


def test_customer_page_is_quick(tmp_path: Path) -> None:
    world = make_world(tmp_path, make_shop(customers=300, orders=0, products=0))
    world.data(stored_query("customers_page"), first=1)
    started = time.process_time()

    world.data(stored_query("customers_page"), first=250)

    assert time.process_time() - started < PAGE_SECONDS_MAX
