"""Every body that the simulator sends has the keys and JSON types of Shopify's own example of its topic."""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from shopify_simulator.shop.generate import generate
from shopify_simulator.shop.model import Change, Record, Resource, Shop
from shopify_simulator.webhooks import payloads
from shopify_simulator.webhooks.shop_payload import shop_facts
from shopify_simulator.webhooks.topics import SUBSCRIBED_TOPICS, example_path

NOW = datetime(2026, 11, 22, 15, 30, tzinfo=UTC)
# A customer without an address has no default one.
OPTIONAL_KEYS = {"default_address"}
ADDRESSES = (".billing_address", ".shipping_address", ".default_address", ".customer.default_address")
ADDRESS_KEYS = ("first_name", "last_name", "company", "phone", "province", "province_code")
# What a merchant or customer may leave out, although Shopify's examples hold a value.
NULLABLE = {
    *(f"{address}.{key}" for address in ADDRESSES for key in ADDRESS_KEYS),
    *(".billing_address", ".shipping_address", ".customer_locale", ".cancel_reason", ".cancelled_at"),
    *(".email", ".contact_email", ".first_name", ".last_name", ".note"),
    *(".customer", ".customer.email", ".customer.first_name", ".customer.last_name"),
    *(".line_items[].sku", ".line_items[].product_id"),
    *(".refund_line_items[].line_item.sku", ".refund_line_items[].line_item.product_id"),
    *(".user_id", ".transactions[].message", ".merchant_business_entity_id"),
    *(".lastOrderId", ".published_at", ".variants[].compare_at_price"),
}
CONSENT_FIELDS = {
    "customers_email_marketing_consent/update": "defaultEmailAddress",
    "customers_marketing_consent/update": "defaultPhoneNumber",
}
AMOUNT = re.compile(r"-?\d+\.\d{2,3}")


@pytest.fixture(scope="module")
def shop() -> Shop:
    return generate("acme.myshopify.com", seed=3, now=NOW, customers=60, orders=120, products=60)


def example_of(topic: str) -> Any:
    return json.loads(example_path(topic).read_text())


def differences(ours: Any, example: Any, path: str = "") -> list[str]:
    """Where keys, types or the form of amounts differ; null in the example says nothing about what may be there."""
    if example is None:
        return []
    if ours is None:
        return [] if path in NULLABLE else [f"{path}: null"]
    if isinstance(example, dict) and isinstance(ours, dict):
        keys = (set(ours) ^ set(example)) - OPTIONAL_KEYS
        found = [f"{path}.{key}: only {'ours' if key in ours else 'in the example'}" for key in sorted(keys)]
        return found + [
            line
            for key in set(ours) & set(example)
            for line in differences(ours[key], example[key], f"{path}.{key}")
        ]
    if isinstance(example, list) and isinstance(ours, list):
        return [line for item in ours for one in example[:1] for line in differences(item, one, f"{path}[]")]
    if type(ours) is not type(example) and {type(ours), type(example)} != {int, float}:
        return [f"{path}: {type(ours).__name__} instead of {type(example).__name__}"]
    if isinstance(example, str) and AMOUNT.fullmatch(example) and not AMOUNT.fullmatch(ours):
        return [f"{path}: {ours} is no amount"]
    return []


def change_of(resource: Resource, record: Record, topic: str, **details: Any) -> Change:
    return Change(resource, topic, int(record["legacyResourceId"]), [topic], None, record, details)


@pytest.mark.parametrize(
    ("resource", "topic"),
    [
        ("customers", "customers/create"),
        ("customers", "customers/update"),
        ("customers", "customers/enable"),
        ("customers", "customers/disable"),
        ("customers", "customers/delete"),
        ("customers", "customers/purchasing_summary"),
        ("customers", "customers_email_marketing_consent/update"),
        ("customers", "customers_marketing_consent/update"),
        ("orders", "orders/create"),
        ("orders", "orders/updated"),
        ("orders", "orders/cancelled"),
        ("orders", "orders/delete"),
        ("products", "products/create"),
        ("products", "products/update"),
        ("products", "products/delete"),
    ],
)
def test_every_record_makes_a_body_like_shopifys_example(shop: Shop, resource: Resource, topic: str) -> None:
    example = example_of(topic)

    bodies = [
        payloads.of_change(shop, change_of(resource, record, topic), topic, NOW)
        for record in shop.records(resource).values()
        if record.get(CONSENT_FIELDS.get(topic, "id"))
    ]

    assert {line for body in bodies for line in differences(body, example)} == set()


@pytest.mark.parametrize("topic", ["customer.tags_added", "customer.tags_removed"])
def test_tag_topics_carry_only_the_difference(shop: Shop, topic: str) -> None:
    customer = next(iter(shop.customers.values()))
    change = change_of("customers", customer, topic, tagsAdded=["vip"], tagsRemoved=["vip"])

    body = payloads.of_change(shop, change, topic, NOW)

    assert body == {"customerId": customer["id"], "tags": ["vip"], "occurredAt": "2026-11-22T15:30:00.000Z"}
    assert differences(body, example_of(topic)) == []


def test_a_refund_names_its_order_and_carries_no_order(shop: Shop) -> None:
    order = next(order for order in shop.orders.values() if order["refunds"])
    change = change_of("orders", order, "refunds/create", refund=order["refunds"][0])

    body = payloads.of_change(shop, change, "refunds/create", NOW)

    assert differences(body, example_of("refunds/create")) == []
    assert body["order_id"] == int(order["legacyResourceId"]) != body["id"]


def test_an_order_edit_carries_only_the_edit(shop: Shop) -> None:
    order = next(iter(shop.orders.values()))
    edit = {"additions": [{"lineItemId": order["lineItems"][0]["id"], "delta": 2}], "removals": []}

    body = payloads.of_change(
        shop, change_of("orders", order, "orders/edited", orderEdit=edit), "orders/edited", NOW
    )

    assert differences(body, example_of("orders/edited")) == []
    assert body["order_edit"]["line_items"]["additions"][0]["delta"] == 2


def test_a_stock_level_is_named_by_item_and_location(shop: Shop) -> None:
    product = next(iter(shop.products.values()))
    level = {"inventoryItemId": 11, "locationId": 12, "available": 13}
    change = change_of("products", product, "inventory_levels/update", inventoryLevel=level)

    body = payloads.of_change(shop, change, "inventory_levels/update", NOW)

    assert differences(body, example_of("inventory_levels/update")) == []
    assert (body["inventory_item_id"], body["location_id"], body["available"]) == (11, 12, 13)


@pytest.mark.parametrize("topic", ["shop/update", "app/uninstalled"])
def test_shop_topics_carry_the_shop(shop: Shop, topic: str) -> None:
    body = shop_facts(shop, NOW)

    assert differences(body, example_of(topic)) == []
    assert body["timezone"] == "(GMT-05:00) America/New_York"


def test_other_topics_are_like_shopifys_examples(shop: Shop) -> None:
    operation = {
        "id": "gid://shopify/BulkOperation/1",
        "status": "COMPLETED",
        "errorCode": None,
        "createdAt": "2026-11-22T15:00:00Z",
        "completedAt": "2026-11-22T15:01:00Z",
    }

    finish = payloads.bulk_operation(shop, operation)
    scopes = payloads.scopes_update(shop, ["read_orders"], ["read_orders", "read_products"], NOW)

    assert differences(finish, example_of("bulk_operations/finish")) == []
    assert differences(scopes, example_of("app/scopes_update")) == []
    assert finish["completed_at"] == "2026-11-22T10:01:00-05:00"


def test_customer_bodies_carry_neither_tags_nor_consent_nor_spend(shop: Shop) -> None:
    customer = next(one for one in shop.customers.values() if one["tags"])

    body = payloads.of_change(
        shop, change_of("customers", customer, "customers/update"), "customers/update", NOW
    )

    hidden = {"tags", "email_marketing_consent", "sms_marketing_consent", "total_spent", "orders_count"}
    assert not hidden & set(body)


def test_times_carry_the_shops_offset_and_name_the_same_instant(shop: Shop) -> None:
    order = next(iter(shop.orders.values()))

    body = payloads.of_change(shop, change_of("orders", order, "orders/updated"), "orders/updated", NOW)

    assert body["updated_at"][-6:] in ("-05:00", "-04:00")
    assert datetime.fromisoformat(body["updated_at"]) == datetime.fromisoformat(order["updatedAt"])


def test_products_carry_a_hundred_variants_and_the_gids_of_all(shop: Shop) -> None:
    product = max(shop.products.values(), key=lambda one: len(one["variants"]))

    body = payloads.of_change(shop, change_of("products", product, "products/update"), "products/update", NOW)

    assert len(product["variants"]) > 100
    assert len(body["variants"]) == 100
    assert len(body["variant_gids"]) == len(product["variants"])


def test_lines_tell_an_order_that_needs_no_fulfilment_from_an_unfulfilled_one(shop: Shop) -> None:
    order = next(iter(shop.orders.values()))
    lines = [{**line, "isGiftCard": False} for line in order["lineItems"]]
    orders = [
        {**order, "lineItems": lines, "displayFulfillmentStatus": status}
        for status in ("UNFULFILLED", "FULFILLMENT_NOT_REQUIRED")
    ]

    bodies = [
        payloads.of_change(shop, change_of("orders", one, "orders/updated"), "orders/updated", NOW)
        for one in orders
    ]

    assert [body["fulfillment_status"] for body in bodies] == [None, None]
    assert [{line["requires_shipping"] for line in body["line_items"]} for body in bodies] == [
        {True},
        {False},
    ]


def test_order_sums_agree_with_each_other(shop: Shop) -> None:
    orders = [order for order in shop.orders.values() if not order["edited"]]

    for order in orders:
        body = payloads.of_change(shop, change_of("orders", order, "orders/updated"), "orders/updated", NOW)
        goods = sum(Decimal(line["price"]) * line["quantity"] for line in body["line_items"])
        shipping = Decimal(body["total_shipping_price_set"]["shop_money"]["amount"])
        total = Decimal(body["subtotal_price"]) + Decimal(body["total_tax"]) + shipping
        assert goods == Decimal(body["total_line_items_price"])
        assert goods - Decimal(body["total_discounts"]) == Decimal(body["subtotal_price"])
        assert total == Decimal(body["total_price"])


@pytest.mark.parametrize(
    ("currency", "pattern"), [("JPY", r"\d+\.00"), ("EUR", r"\d+\.\d\d"), ("KWD", r"\d+\.\d{3}")]
)
def test_amounts_have_all_decimals_of_their_currency(currency: str, pattern: str) -> None:
    shop = generate(
        "acme.myshopify.com", seed=3, now=NOW, customers=5, orders=30, products=5, currency=currency
    )
    orders = [
        payloads.of_change(shop, change_of("orders", one, "orders/updated"), "orders/updated", NOW)
        for one in shop.orders.values()
    ]
    products = [
        payloads.of_change(shop, change_of("products", one, "products/update"), "products/update", NOW)
        for one in shop.products.values()
    ]

    amounts = {
        order[key]
        for order in orders
        for key in ("total_price", "current_total_price", "total_line_items_price")
    }
    amounts |= {order["current_shipping_price_set"]["shop_money"]["amount"] for order in orders}
    amounts |= {line["price"] for order in orders for line in order["line_items"]}
    amounts |= {variant["price"] for product in products for variant in product["variants"]}

    assert {amount for amount in amounts if not re.fullmatch(pattern, amount)} == set()


def test_every_topic_of_a_change_has_a_builder() -> None:
    own = {"app/uninstalled", "app/scopes_update", "bulk_operations/finish"}

    assert set(payloads.BUILDERS) == set(SUBSCRIBED_TOPICS) - own
