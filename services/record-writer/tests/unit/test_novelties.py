"""What Shopify sends and we do not know: found in either dialect, counted, logged once, in nobody's own words."""

import json

import pytest
from graphql import GraphQLEnumType
from structlog.testing import capture_logs

from record_writer import novelties as module
from record_writer.domain.changes import Change, Kind
from record_writer.domain.compliance import ComplianceTopic
from record_writer.domain.enums import COLUMNS, INVENTORY_POLICIES
from record_writer.domain.interpret import DELIVERED, interpret
from record_writer.domain.rows import ContactRow, OrderRow, ProductRow
from record_writer.domain.webhook_keys import KEYS
from record_writer.metrics import REGISTRY
from record_writer.novelties import OTHER, Novelties
from shopify_simulator.graphql.schema import SCHEMA
from sync_common.contracts.resources import Resource
from sync_common.contracts.webhooks import WEBHOOK_ROUTES

from ..builders import at
from ..examples import example
from .test_interpret import of_graphql, of_webhook, raw

CUSTOMERS, ORDERS, PRODUCTS = Resource
OLDER = {"redacted", "partial"}
"""Of older versions, and what only webhooks say."""


@pytest.mark.parametrize(
    ("known", "official"),
    [
        (COLUMNS[ContactRow]["state_raw"], "CustomerState"),
        (COLUMNS[ContactRow]["email_marketing_state"], "CustomerEmailAddressMarketingState"),
        (COLUMNS[ContactRow]["marketing_opt_in_level"], "CustomerMarketingOptInLevel"),
        (COLUMNS[OrderRow]["financial_status_raw"], "OrderDisplayFinancialStatus"),
        (COLUMNS[OrderRow]["fulfillment_status_raw"], "OrderDisplayFulfillmentStatus"),
        (COLUMNS[OrderRow]["cancel_reason"], "OrderCancelReason"),
        (COLUMNS[ProductRow]["status_raw"], "ProductStatus"),
        (INVENTORY_POLICIES, "ProductVariantInventoryPolicy"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_known_values_are_those_of_shopifys_enum(known, official):
    enum = SCHEMA.type_map[official]

    assert isinstance(enum, GraphQLEnumType)
    assert set(known) - OLDER == {name.lower() for name in enum.values}


def test_known_keys_are_those_of_shopifys_examples():
    assert KEYS.keys() == DELIVERED.keys() | set(ComplianceTopic)
    assert {topic: set(json.loads(example(topic))) for topic in KEYS} == KEYS


@pytest.mark.parametrize("topic", DELIVERED)
def test_nothing_in_an_example_is_unknown(topic):
    resource = WEBHOOK_ROUTES[topic].resource
    assert resource is not None

    change = interpret(raw(resource, example(topic), topic=topic))

    assert (change.unknown_values, change.unknown_keys) == ((), ())


def consent(**fields):
    return {"customer_id": 1, "email_address": "ada@example.com", "email_marketing_consent": fields}


@pytest.mark.parametrize(
    ("field", "change"),
    [
        (
            "customers.state",
            lambda r: of_graphql(CUSTOMERS, r.graphql_customer(1, state="BRAND_NEW")),
        ),
        (
            "customers.state",
            lambda r: of_webhook(CUSTOMERS, "customers/update", r.rest_customer(1, state="brand_new")),
        ),
        (
            "customers.email_marketing_state",
            lambda r: of_graphql(
                CUSTOMERS, r.graphql_customer(1, defaultEmailAddress={"marketingState": "BRAND_NEW"})
            ),
        ),
        (
            "customers.email_marketing_state",
            lambda r: of_webhook(
                CUSTOMERS, "customers_email_marketing_consent/update", consent(state="brand_new")
            ),
        ),
        (
            "customers.marketing_opt_in_level",
            lambda r: of_webhook(
                CUSTOMERS,
                "customers_email_marketing_consent/update",
                consent(state="subscribed", opt_in_level="brand_new"),
            ),
        ),
        (
            "orders.financial_status",
            lambda r: of_graphql(ORDERS, r.graphql_order(1, displayFinancialStatus="BRAND_NEW")),
        ),
        (
            "orders.fulfillment_status",
            lambda r: of_webhook(ORDERS, "orders/updated", r.rest_order(1, fulfillment_status="brand_new")),
        ),
        (
            "orders.cancel_reason",
            lambda r: of_graphql(ORDERS, r.graphql_order(1, cancelReason="BRAND_NEW")),
        ),
        (
            "products.status",
            lambda r: of_webhook(PRODUCTS, "products/update", r.rest_product(1, status="brand_new")),
        ),
        (
            "products.variants.inventory_policy",
            lambda r: of_graphql(
                PRODUCTS,
                r.graphql_product(1, variants=[{"id": "1", "inventoryPolicy": "BRAND_NEW"}, {"id": "2"}]),
            ),
        ),
        (
            "products.variants.inventory_policy",
            lambda r: of_webhook(
                PRODUCTS,
                "products/update",
                r.rest_product(1, variants=[{"id": n, "inventory_policy": "brand_new"} for n in (1, 2)]),
            ),
        ),
    ],
)
def test_unknown_value_is_found(records, field, change):
    assert change(records).unknown_values == ((field, "brand_new"),)


def test_key_that_no_example_has_is_found(records):
    order = of_webhook(ORDERS, "orders/updated", records.rest_order(1, brand_new={"a": 1}, newer=None))
    deleted = of_webhook(PRODUCTS, "products/delete", {"id": 1, "brand_new": True})

    assert order.unknown_keys == ("brand_new", "newer")
    assert (deleted.kind, deleted.unknown_keys) == (Kind.DELETED, ("brand_new",))


def values(field: str, value: str) -> float:
    labels = {"field": field, "value": value}
    return REGISTRY.get_sample_value("record_writer_unknown_values_total", labels) or 0.0


def keys(topic: str) -> float:
    return REGISTRY.get_sample_value("record_writer_unknown_webhook_keys_total", {"topic": topic}) or 0.0


def saying(value: str, field: str = "orders.financial_status") -> Change:
    return Change(kind=Kind.PARTIAL, external_id="1", observed_at=at(0), unknown_values=((field, value),))


def holding(*names: str) -> Change:
    return Change(kind=Kind.PARTIAL, external_id="1", observed_at=at(0), unknown_keys=names)


def test_value_is_counted_each_time_and_logged_once():
    novelties, before = Novelties(), values("orders.financial_status", "HALF_PAID")

    with capture_logs() as logs:
        for _ in range(3):
            novelties.report(saying("half_paid"), None)

    assert values("orders.financial_status", "HALF_PAID") == before + 3
    assert logs == [
        {
            "event": "unknown_value",
            "field": "orders.financial_status",
            "value": "HALF_PAID",
            "log_level": "warning",
        }
    ]


@pytest.mark.parametrize("value", ["ada@example.com", "+49 30 1234", "x" * 41, "größe", "a\nb"])
def test_value_in_an_unusual_form_is_shown_to_nobody(value):
    novelties, before = Novelties(), values("customers.state", OTHER)

    with capture_logs() as logs:
        novelties.report(saying(value, "customers.state"), None)

    assert values("customers.state", OTHER) == before + 1
    assert [line["value"] for line in logs] == [OTHER]


def test_labels_end_at_a_number(monkeypatch):
    monkeypatch.setattr(module, "VALUES_MAX", 2)
    novelties, before = Novelties(), values("products.status", OTHER)

    with capture_logs() as logs:
        for value in ("one", "two", "three", "four", "one"):
            novelties.report(saying(value, "products.status"), None)

    assert values("products.status", OTHER) == before + 2
    assert [line["value"] for line in logs] == ["ONE", "TWO"]
    assert (
        REGISTRY.get_sample_value(
            "record_writer_unknown_values_total", {"field": "products.status", "value": "THREE"}
        )
        is None
    )


def test_key_is_counted_by_topic_and_named_once_in_the_log(monkeypatch):
    monkeypatch.setattr(module, "KEYS_MAX", 3)
    novelties, before = Novelties(), keys("orders/updated")

    with capture_logs() as logs:
        for names in (("new_a", "new_b"), ("new_a",), ("Ada Lovelace",), ("new_c",)):
            novelties.report(holding(*names), "orders/updated")

    assert keys("orders/updated") == before + 5
    assert [(line["topic"], line["key"]) for line in logs] == [
        ("orders/updated", "new_a"),
        ("orders/updated", "new_b"),
        ("orders/updated", OTHER),
    ]


def test_first_bodies_of_a_topic_are_searched_and_then_one_in_a_hundred():
    novelties = Novelties()

    sampled = [number for number in range(1, 301) if novelties.is_sampled("orders/updated")]

    assert sampled == [*range(1, 51), 100, 200, 300]
    assert novelties.is_sampled("products/update"), "each topic has its own first ones"
    assert not novelties.is_sampled(None), "records read from Shopify have the keys that we ask for"
    assert not novelties.is_sampled("no/topic"), "a header can say anything"


def test_keys_are_looked_for_only_where_that_is_wanted():
    body = raw(ORDERS, b'{"id": 1, "brand_new": 1}', topic="orders/delete")

    assert interpret(body).unknown_keys == ("brand_new",)
    assert interpret(body, with_unknown_keys=False).unknown_keys == ()
