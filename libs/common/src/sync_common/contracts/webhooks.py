"""Shopify's webhook topics: where each goes in Kafka and which field of its body holds the record's id.

Topic set and payloads: shopify.dev, Webhooks, version 2026-10.
"""

from dataclasses import dataclass
from typing import Final

from sync_common.contracts.resources import Resource
from sync_common.contracts.topics import COMPLIANCE_TOPIC, SHOP_TOPIC, live_topic

_CUSTOMERS: Final = live_topic(Resource.CUSTOMERS)
_ORDERS: Final = live_topic(Resource.ORDERS)
_PRODUCTS: Final = live_topic(Resource.PRODUCTS)


@dataclass(frozen=True, slots=True)
class WebhookRoute:
    """Where one webhook topic goes. `id_path` is None where a body names no single record: key by shop."""

    topic: str
    kafka_topic: str
    resource: Resource | None = None
    id_path: tuple[str, ...] | None = None
    scope: str | None = None
    by_app_config: bool = False  # compliance topics cannot be subscribed through the API

    @property
    def subscription_topic(self) -> str:
        """Return the name in Shopify's WebhookSubscriptionTopic enum."""
        return self.topic.upper().replace("/", "_").replace(".", "_")


def _customers(topic: str, *id_path: str, scope: str = "read_customers") -> WebhookRoute:
    return WebhookRoute(topic, _CUSTOMERS, Resource.CUSTOMERS, id_path or ("id",), scope)


def _orders(topic: str, *id_path: str) -> WebhookRoute:
    return WebhookRoute(topic, _ORDERS, Resource.ORDERS, id_path or ("id",), "read_orders")


def _products(topic: str) -> WebhookRoute:
    return WebhookRoute(topic, _PRODUCTS, Resource.PRODUCTS, ("id",), "read_products")


WEBHOOK_ROUTES: Final[dict[str, WebhookRoute]] = {
    route.topic: route
    for route in (
        _customers("customers/create"),
        _customers("customers/update"),
        _customers("customers/enable"),
        _customers("customers/disable"),
        _customers("customers/delete"),
        _customers("customers/merge", "admin_graphql_api_customer_kept_id", scope="read_customer_merge"),
        _customers("customers/purchasing_summary", "customerId"),
        _customers("customer.tags_added", "customerId"),
        _customers("customer.tags_removed", "customerId"),
        _customers("customers_email_marketing_consent/update", "customer_id"),
        _customers("customers_marketing_consent/update"),
        _orders("orders/create"),
        _orders("orders/updated"),
        _orders("orders/cancelled"),
        _orders("orders/edited", "order_edit", "order_id"),
        _orders("orders/delete"),
        _orders("refunds/create", "order_id"),
        _products("products/create"),
        _products("products/update"),
        _products("products/delete"),
        WebhookRoute("shop/update", SHOP_TOPIC),
        WebhookRoute("app/uninstalled", SHOP_TOPIC),
        WebhookRoute("app/scopes_update", SHOP_TOPIC),
        WebhookRoute("bulk_operations/finish", SHOP_TOPIC),
        WebhookRoute("customers/data_request", COMPLIANCE_TOPIC, by_app_config=True),
        WebhookRoute("customers/redact", COMPLIANCE_TOPIC, by_app_config=True),
        WebhookRoute("shop/redact", COMPLIANCE_TOPIC, by_app_config=True),
    )
}
