import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from shopify_simulator.shop.model import ProtectedData, Record

from .merchant import SUBSCRIBE, Merchant, eventually
from .serving import Receiver
from .worlds import ALL_ORDERS, World, make_world, stored_query

CUSTOMER_FIELDS = (
    "firstName",
    "lastName",
    "displayName",
    "defaultEmailAddress",
    "defaultPhoneNumber",
    "defaultAddress",
)
ORDER_FIELDS = ("email", "phone", "shippingAddress", "billingAddress")
OLD_FIELDS = "{ customers(first: 40) { nodes { id email phone } } }"
BY_ID = """
query($customer: ID!, $order: ID!) {
  customer(id: $customer) { id }
  order(id: $order) { id customer { displayName } }
  node(id: $order) { id }
  customersCount { count }
}
"""
HIDING = [ProtectedData.NULLS, ProtectedData.ERRORS]
BULK = """
mutation Bulk($query: String!) {
  bulkOperationRunQuery(query: $query, groupObjects: false) { bulkOperation { id } userErrors { message } }
}
"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = make_world(tmp_path, scopes=ALL_ORDERS)
    yield world
    world.bulk.close()


def page(world: World, resource: str) -> tuple[list[Record], list[Record]]:
    answer = world.ask(stored_query(f"{resource}_page"), first=40 if resource == "customers" else 20)
    return answer["data"][resource]["nodes"], answer.get("errors", [])


@pytest.mark.parametrize("level", HIDING)
def test_names_and_addresses_are_null_on_pages(world: World, level: ProtectedData) -> None:
    full = page(world, "customers")[0]
    world.shop.protected_data = level

    customers, orders = page(world, "customers")[0], page(world, "orders")[0]

    assert all(customer[name] is None for customer in customers for name in CUSTOMER_FIELDS)
    assert all(customer["addressesV2"]["nodes"] == [] for customer in customers)
    assert all(order[name] is None for order in orders for name in ORDER_FIELDS)
    assert [customer["id"] for customer in customers] == [customer["id"] for customer in full]
    assert any(customer["tags"] for customer in customers)
    assert any(customer["firstName"] for customer in full)


def test_nulls_come_without_errors(world: World) -> None:
    world.shop.protected_data = ProtectedData.NULLS

    answer = world.data(OLD_FIELDS)

    assert all(one["email"] is None and one["phone"] is None for one in answer["customers"]["nodes"])


def test_each_hidden_field_is_one_error_beside_the_data(world: World) -> None:
    world.shop.protected_data = ProtectedData.ERRORS

    customers, errors = page(world, "customers")

    assert len(customers) == 40
    expected = [["customers", "nodes", 0, name] for name in (*CUSTOMER_FIELDS, "addressesV2")]
    assert sorted(error["path"] for error in errors) == sorted(expected)
    assert {error["extensions"]["code"] for error in errors} == {"ACCESS_DENIED"}
    assert "errors" not in world.ask("{ customers(first: 3) { nodes { id tags } } }")


def test_the_customer_of_an_order_is_hidden_too(world: World) -> None:
    world.shop.protected_data = ProtectedData.NULLS

    nodes = world.data("{ orders(first: 50) { nodes { customer { id displayName email } } } }")["orders"][
        "nodes"
    ]

    customers = [node["customer"] for node in nodes if node["customer"]]
    assert customers
    assert all(one["displayName"] is None and one["email"] is None for one in customers)


@pytest.mark.parametrize("resource", ["customers", "orders"])
def test_without_level_1_a_list_is_null(world: World, resource: str) -> None:
    world.shop.protected_data = ProtectedData.DENIED

    answer = world.ask(f"{{ {resource}(first: 1) {{ nodes {{ id }} }} shop {{ name }} }}")

    assert answer["data"] == {resource: None, "shop": {"name": "Acme"}}
    error = answer["errors"][0]
    assert (error["path"], error["extensions"]["code"]) == ([resource], "ACCESS_DENIED")
    assert error["message"].startswith("This app is not approved to access the")


def test_without_level_1_no_way_leads_to_a_customer(world: World) -> None:
    world.shop.protected_data = ProtectedData.DENIED
    ids = {name: next(iter(world.shop.records(name).values()))["id"] for name in ("customers", "orders")}

    answer = world.ask(BY_ID, customer=ids["customers"], order=ids["orders"])

    assert set(answer["data"].values()) == {None}
    assert len(answer["errors"]) == 4
    assert "errors" not in world.ask("{ products(first: 1) { nodes { id } } }")


@pytest.mark.parametrize("resource", ["customers", "orders"])
@pytest.mark.parametrize("level", HIDING)
def test_bulk_files_hide_as_pages_do(acme: Merchant, resource: str, level: ProtectedData) -> None:
    protect(acme, level)
    operation = run_bulk(acme, stored_query(f"bulk_{resource}"))

    lines = acme.http.get(urlsplit(operation["url"]).path).content.splitlines()
    records = [json.loads(line) for line in lines]
    hidden = CUSTOMER_FIELDS if resource == "customers" else ORDER_FIELDS
    roots = [record for record in records if "__parentId" not in record]
    assert len(roots) == int(operation["rootObjectCount"]) > 0
    assert all(root[name] is None for root in roots for name in hidden if name in root)
    assert sum(name in roots[0] for name in hidden) >= 4
    assert not any("MailingAddress" in str(record["id"]) for record in records)


@pytest.mark.parametrize(
    ("resource", "status"), [("customers", "FAILED"), ("orders", "FAILED"), ("products", "COMPLETED")]
)
def test_a_bulk_operation_over_denied_records_fails(acme: Merchant, resource: str, status: str) -> None:
    protect(acme, ProtectedData.DENIED)

    operation = run_bulk(acme, f"{{ {resource} {{ edges {{ node {{ id }} }} }} }}")

    assert (operation["status"], operation["errorCode"]) == (
        status,
        "ACCESS_DENIED" if status == "FAILED" else None,
    )


def test_webhooks_tell_no_names(acme: Merchant, hooks: Receiver) -> None:
    token = acme.install()["access_token"]
    for topic in ("CUSTOMERS_UPDATE", "ORDERS_UPDATED", "CUSTOMERS_EMAIL_MARKETING_CONSENT_UPDATE"):
        acme.subscribe(token, topic, hooks.address)
    order = next(
        one for one in acme.truth("orders") if one["customer"] and one["email"] and one["shippingAddress"]
    )
    number = int(order["customer"]["legacyResourceId"])
    protect(acme, ProtectedData.NULLS)

    acme.control(
        "mutations", kind="customer.update", id=number, changes={"note": "hi", "last_name": "Secret"}
    )
    acme.control("mutations", kind="order.update", id=int(order["legacyResourceId"]), changes={"note": "hi"})
    acme.settle()

    bodies = {one.headers["x-shopify-topic"]: json.loads(one.body) for one in hooks.received}
    customer, updated = bodies["customers/update"], bodies["orders/updated"]
    assert [customer[key] for key in ("last_name", "first_name", "email", "phone", "addresses")] == [
        None
    ] * 4 + [[]]
    assert [updated[key] for key in ("email", "contact_email", "phone", "shipping_address")] == [None] * 4
    assert updated["customer"]["id"] == number
    assert updated["customer"]["email"] is None
    assert (customer["note"], updated["note"]) == ("hi", "hi")
    assert (
        next(one for one in acme.truth("customers") if one["id"].endswith(f"/{number}"))["lastName"]
        == "Secret"
    )


@pytest.mark.parametrize(
    ("topic", "is_refused"),
    [
        ("CUSTOMERS_UPDATE", True),
        ("CUSTOMER_TAGS_ADDED", True),
        ("ORDERS_CREATE", True),
        ("PRODUCTS_UPDATE", False),
    ],
)
def test_protected_topics_cannot_be_subscribed_to(acme: Merchant, topic: str, is_refused: bool) -> None:
    token = acme.install()["access_token"]
    protect(acme, ProtectedData.DENIED)

    variables = {
        "topic": topic,
        "webhookSubscription": {"uri": "https://hooks.example.com", "format": "JSON"},
    }
    answer = acme.graphql(token, SUBSCRIBE, variables).json()["data"]["webhookSubscriptionCreate"]

    messages = [error["message"] for error in answer["userErrors"]]
    text = "This app is not approved to subscribe to webhook topics containing protected customer data"
    assert messages == ([text] if is_refused else [])


def protect(acme: Merchant, level: str) -> None:
    answer = acme.http.patch("/_admin/shops/acme", json={"protected_data": level})
    assert answer.json()["protectedData"] == level


def run_bulk(acme: Merchant, query: str) -> dict[str, Any]:
    token = acme.install("read_customers,read_orders,read_all_orders,read_products")["access_token"]
    acme.graphql(token, BULK, {"query": query})

    def ended() -> dict[str, Any] | None:
        operation = acme.look()["bulkOperations"][-1]
        return operation if operation["completedAt"] else None

    return eventually(ended)
