"""Webhooks to an app that is not approved for names, addresses, phones and emails: the keys are there, with null."""

from typing import Any

from shopify_simulator.shop.model import Record

PREFIXES = ("customers/", "customer.", "customers_", "orders/", "refunds/")
PERSONAL_KEYS = {
    "first_name",
    "last_name",
    "email",
    "contact_email",
    "email_address",
    "phone",
    "default_address",
    "billing_address",
    "shipping_address",
}


def is_protected(topic: str) -> bool:
    """Whether bodies of the topic may tell of a customer."""
    return topic.startswith(PREFIXES)


def redacted(body: Record) -> Record:
    """The body without what tells who the customer is."""
    return {key: _value(key, value) for key, value in body.items()}


def _value(key: str, value: Any) -> Any:
    if key in PERSONAL_KEYS:
        return None
    if key == "addresses":
        return []
    if isinstance(value, dict):
        return redacted(value)
    if isinstance(value, list):
        return [redacted(one) if isinstance(one, dict) else one for one in value]
    return value
