"""What a merchant lets the app read, and the words for what they do not."""

from collections.abc import Collection, Sequence
from typing import Final

from oauth_gateway.domain.words import listed
from sync_common.contracts.resources import Resource

ALL_ORDERS: Final = "read_all_orders"
_PERMISSIONS: Final = {
    "read_customers": "customers",
    "read_orders": "orders",
    ALL_ORDERS: "all orders",
    "read_products": "products",
    "read_inventory": "inventory",
}


def unreadable(scopes: Collection[str]) -> tuple[Resource, ...]:
    """Return the resources that these scopes do not let us read; a write scope implies its read."""
    return tuple(
        resource for resource in Resource if not {f"read_{resource}", f"write_{resource}"} & set(scopes)
    )


def not_synced_words(resources: Sequence[Resource]) -> str:
    """Say what is not synced, and why: `Orders are not synced: the app may not read them.`"""
    return f"{listed(resources).capitalize()} are not synced: the app may not read them."


def missing_words(scopes: Sequence[str]) -> str:
    """Name the permissions that a grant lacks, in a merchant's words; all of them where a scope has none."""
    known = [words for scope, words in _PERMISSIONS.items() if scope in scopes]
    if not known or len(known) < len(set(scopes)):
        return "The app needs permission to read customers, orders, and products. Start again and allow all."
    return f"Shopify gave the app no permission to read {listed(known)}. Start again and allow all."
