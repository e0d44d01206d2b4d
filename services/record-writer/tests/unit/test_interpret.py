"""From raw records to changes: both dialects, partial payloads, and what is refused."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from record_writer.domain.changes import Change, Kind
from record_writer.domain.interpret import interpret
from record_writer.domain.rows import carried
from record_writer.errors import InvalidRecord
from sync_common.contracts.records import RawRecord, RecordType
from sync_common.contracts.resources import Resource, Shape
from sync_common.contracts.webhooks import WEBHOOK_ROUTES

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
CONNECTIONS = ("lineItems", "discountApplications", "refunds", "variants", "media", "addressesV2")


def raw(resource: Resource, body: bytes, *, topic: str | None = None) -> RawRecord:
    return RawRecord(
        type=RecordType.DELIVERED if topic else RecordType.FETCHED,
        resource=resource,
        shop="acme.myshopify.com",
        record_id="1",
        observed_at=NOW,
        body=body,
        shape=Shape.REST if topic else Shape.GRAPHQL,
        event_id="1",
        source="test",
        occurred_at=NOW,
        webhook_topic=topic,
    )


def of_graphql(resource: Resource, record: dict[str, Any]) -> Change:
    body = {
        key: {"nodes": value} if key in CONNECTIONS and isinstance(value, list) else value
        for key, value in record.items()
    }
    return interpret(raw(resource, msgspec.json.encode(body)))


def of_webhook(resource: Resource, topic: str, body: dict[str, Any]) -> Change:
    return interpret(raw(resource, msgspec.json.encode(body), topic=topic))


def test_customer_webhook_carries_neither_tags_nor_consent_nor_spend(records):
    change = of_webhook(Resource.CUSTOMERS, "customers/update", records.rest_customer(1))

    assert change.kind is Kind.PARTIAL
    assert not carried(change.row).keys() & {
        "tags",
        "accepts_marketing",
        "total_spent",
        "orders_count",
        "last_order_at",
    }


def test_hidden_personal_data_is_not_carried(records):
    hidden = dict.fromkeys(("email", "phone", "first_name", "last_name", "addresses", "default_address"))

    change = of_webhook(Resource.CUSTOMERS, "customers/update", records.rest_customer(1, **hidden))

    assert not carried(change.row).keys() & hidden.keys()


def test_absent_key_makes_an_order_partial_and_null_does_not(records):
    with_null = records.rest_order(100, note=None)
    without = {key: value for key, value in with_null.items() if key != "note"}

    assert of_webhook(Resource.ORDERS, "orders/updated", with_null).kind is Kind.FULL
    partial = of_webhook(Resource.ORDERS, "orders/updated", without)
    assert (partial.kind, "note" in carried(partial.row)) == (Kind.PARTIAL, False)


def test_unknown_enum_values_are_kept_raw(records):
    order = records.graphql_order(100, displayFinancialStatus="HALF_PAID", displayFulfillmentStatus="LOST")

    said = carried(of_graphql(Resource.ORDERS, order).row)

    assert (said["financial_status"], said["financial_status_raw"]) == (None, "half_paid")
    assert (said["fulfillment_status"], said["fulfillment_status_raw"]) == (None, "lost")


def test_product_cut_at_a_hundred_variants_is_partial(records):
    gids = [{"admin_graphql_api_id": f"gid://shopify/ProductVariant/{n}"} for n in range(2)]

    change = of_webhook(Resource.PRODUCTS, "products/update", records.rest_product(7, variant_gids=gids))

    assert (change.kind, "variants" in carried(change.row)) == (Kind.PARTIAL, False)


def test_refunded_total_is_the_sum_of_what_was_given_back(records):
    given_back = {"kind": "refund", "status": "success", "amount": "3.50"}
    failed = given_back | {"status": "failure"}
    refunds = [{"transactions": [given_back, failed]}, {"transactions": [given_back]}]

    order = of_webhook(Resource.ORDERS, "orders/updated", records.rest_order(100, refunds=refunds))
    unclear = of_webhook(Resource.ORDERS, "orders/updated", records.rest_order(100, refunds=[{}]))

    assert str(carried(order.row)["refunded_total"]) == "7.00"
    assert (unclear.kind, "refunded_total" in carried(unclear.row)) == (Kind.PARTIAL, False)


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("total_price", None, "orders.total_price: missing"),
        ("currency", None, "orders.currency: missing"),
        ("total_price", "Ada Lovelace", "orders.total_price: "),
        ("line_items", "Ada Lovelace", "orders.line_items: Expected `array`, got `str`"),
        ("updated_at", "Ada Lovelace", "orders.updated_at: "),
    ],
)
def test_refusal_names_field_and_shape_but_no_value(records, field, value, problem):
    with pytest.raises(InvalidRecord) as raised:
        of_webhook(Resource.ORDERS, "orders/updated", records.rest_order(100, **{field: value}))

    assert str(raised.value).startswith(problem)
    assert "Ada" not in str(raised.value)


def test_whatever_no_column_holds_is_kept_in_metadata_under_shopifys_name(records):
    refunds = [{"id": 1, "transactions": [{"kind": "refund", "status": "success", "amount": "1.00"}]}]
    body = records.rest_order(100, note_attributes=[{"name": "gift", "value": "yes"}], refunds=refunds)

    metadata = of_webhook(Resource.ORDERS, "orders/updated", body).row.metadata

    kept = msgspec.json.decode(msgspec.json.encode(metadata))
    assert kept["note_attributes"] == [{"name": "gift", "value": "yes"}]
    assert kept["refunds"] == refunds, "the column holds their sum only"
    assert not kept.keys() & {"email", "customer", "line_items", "total_price"}


def test_unstorable_characters_are_replaced_and_noted(records):
    body = msgspec.json.encode(records.rest_order(100)).replace(b'"note":""', rb'"note":"a\u0000\ud800"')

    change = interpret(raw(Resource.ORDERS, body, topic="orders/updated"))

    assert carried(change.row)["note"] == "a\ufffd\ufffd"
    assert change.row.metadata["replaced_characters"] is True


@pytest.mark.parametrize("broken", [b"\xff", rb"\ud800", rb"\u0000"])
def test_unstorable_characters_are_replaced_in_values_that_are_kept_as_they_came(records, broken):
    """A value that is kept raw is decoded by nobody before the database refuses it."""
    body = msgspec.json.encode(records.rest_order(100, discount_applications=["?"])).replace(b"?", broken)

    change = interpret(raw(Resource.ORDERS, body, topic="orders/updated"))

    metadata = msgspec.json.decode(msgspec.json.encode(change.row.metadata))
    assert (metadata["discount_applications"], metadata["replaced_characters"]) == (["\ufffd"], True)


@given(st.binary(max_size=200))
def test_rubbish_is_refused_and_nothing_else_happens(body):
    for topic, route in WEBHOOK_ROUTES.items():
        if route.resource is not None:
            try:
                interpret(raw(route.resource, body, topic=topic))
            except InvalidRecord:
                continue
            pytest.fail(f"{topic} took rubbish for a record")


def test_deep_nesting_is_refused(records):
    body = b'{"id": 1, "unknown": ' + b"[" * 5000 + b"]" * 5000 + b"}"

    with pytest.raises(InvalidRecord, match="nested too deeply"):
        interpret(raw(Resource.ORDERS, body, topic="orders/updated"))


def test_tags_webhook_asks_for_a_read_and_carries_nothing():
    change = of_webhook(Resource.CUSTOMERS, "customer.tags_added", {"customerId": "gid://shopify/Customer/5"})

    assert (change.kind, change.external_id, carried(change.row), change.creates) == (
        Kind.PARTIAL,
        "5",
        {},
        False,
    )


def test_record_without_a_time_is_as_new_as_its_observation(records):
    change = of_webhook(Resource.PRODUCTS, "products/update", records.rest_product(7, updated_at=None))

    assert change.version == (NOW, NOW)
