"""Which scope a field asks for, and which orders an app may see: shopify.dev/docs/api/usage/access-scopes."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from shopify_simulator.graphql.context import RequestContext
from shopify_simulator.shop.model import timestamp

ORDER_WINDOW = timedelta(days=60)
ALL_ORDERS = "read_all_orders"

FIELD_SCOPES: dict[tuple[str, str], str] = {
    ("QueryRoot", "customer"): "read_customers",
    ("QueryRoot", "customers"): "read_customers",
    ("QueryRoot", "customersCount"): "read_customers",
    ("QueryRoot", "order"): "read_orders",
    ("QueryRoot", "orders"): "read_orders",
    ("QueryRoot", "ordersCount"): "read_orders",
    ("QueryRoot", "product"): "read_products",
    ("QueryRoot", "products"): "read_products",
    ("QueryRoot", "productsCount"): "read_products",
    ("Customer", "lastOrder"): "read_orders",
    ("Order", "customer"): "read_customers",
    ("LineItem", "product"): "read_products",
    ("LineItem", "variant"): "read_products",
    ("ProductVariant", "inventoryItem"): "read_inventory",
}
TYPE_SCOPES: dict[str, str] = {
    "Customer": "read_customers",
    "Order": "read_orders",
    "Refund": "read_orders",
    "Product": "read_products",
    "ProductVariant": "read_products",
}
WRITE_IMPLIES_READ = "write_"


def has_scope(scopes: frozenset[str], scope: str) -> bool:
    """Whether the scope was granted; a write scope implies its read."""
    return scope in scopes or WRITE_IMPLIES_READ + scope.removeprefix("read_") in scopes


def orders_visible_from(context: RequestContext) -> str:
    """The earliest createdAt of an order that the app may see: 60 days ago without `read_all_orders`."""
    if ALL_ORDERS in context.scopes:
        return ""
    return timestamp(context.now() - ORDER_WINDOW)


def is_visible_order(context: RequestContext, order: Mapping[str, Any]) -> bool:
    """Whether the app may see an order."""
    return bool(order["createdAt"] >= orders_visible_from(context))
