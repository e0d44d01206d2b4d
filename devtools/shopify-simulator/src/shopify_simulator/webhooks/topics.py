"""The webhook topics that the simulator fires."""

from pathlib import Path

CUSTOMER_TOPICS = ("customers/create", "customers/update", "customers/enable", "customers/disable")
ORDER_TOPICS = ("orders/create", "orders/updated", "orders/cancelled")
PRODUCT_TOPICS = ("products/create", "products/update")
SUBSCRIBED_TOPICS = (
    *CUSTOMER_TOPICS,
    "customers/delete",
    "customers/merge",
    "customers/purchasing_summary",
    "customer.tags_added",
    "customer.tags_removed",
    "customers_email_marketing_consent/update",
    "customers_marketing_consent/update",
    *ORDER_TOPICS,
    "orders/edited",
    "orders/delete",
    "refunds/create",
    *PRODUCT_TOPICS,
    "products/delete",
    "inventory_levels/update",
    "shop/update",
    "app/uninstalled",
    "app/scopes_update",
    "bulk_operations/finish",
)
COMPLIANCE_TOPICS = ("customers/data_request", "customers/redact", "shop/redact")
TOPICS = SUBSCRIBED_TOPICS + COMPLIANCE_TOPICS


def enum_of(topic: str) -> str:
    """The topic as GraphQL's WebhookSubscriptionTopic names it: ORDERS_CREATE."""
    return topic.replace("/", "_").replace(".", "_").upper()


def example_path(topic: str) -> Path:
    """Where Shopify's own example of the topic is kept."""
    return Path(__file__).parent / "examples" / f"{topic.replace('/', '_')}.json"
