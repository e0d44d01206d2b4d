"""What an app sees of customers and orders that was not approved for all protected customer data.

shopify.dev/docs/apps/launch/protected-customer-data
"""

from typing import Any

from shopify_simulator.shop.model import ProtectedData, Record, Resource, Shop

# How a stored record looks without level 2: names, addresses, phones and emails.
MASKS: dict[Resource, Record] = {
    "customers": {
        "firstName": None,
        "lastName": None,
        "displayName": None,
        "defaultEmailAddress": None,
        "defaultPhoneNumber": None,
        "defaultAddress": None,
        "addressesV2": [],
    },
    "orders": {"email": None, "phone": None, "shippingAddress": None, "billingAddress": None},
}
HIDDEN_FIELDS = {
    *(("Customer", name) for name in (*MASKS["customers"], "email", "phone")),
    *(("Order", name) for name in MASKS["orders"]),
}
PROTECTED_TYPES = {"Customer", "Order"}
PROTECTED_ROOTS = {
    **dict.fromkeys(("customer", "customers", "customersCount"), "Customer"),
    **dict.fromkeys(("order", "orders", "ordersCount"), "Order"),
}
# Never null in Shopify's schema, which says nothing of an app without approval; here they may be.
NULLABLE_FIELDS = {("Customer", "displayName"), ("QueryRoot", "customers"), ("QueryRoot", "orders")}
PROTECTED_TOPICS = ("CUSTOMERS_", "CUSTOMER_", "ORDERS_", "REFUNDS_")


def seen(shop: Shop, resource: Resource, record: Record) -> Record:
    """The record as the app sees it."""
    mask: Any = MASKS.get(resource)
    if mask is None or shop.protected_data is ProtectedData.FULL:
        return record
    return {**record, **mask}


def denies(shop: Shop) -> bool:
    """Whether the app sees no customer and no order at all."""
    return shop.protected_data is ProtectedData.DENIED
