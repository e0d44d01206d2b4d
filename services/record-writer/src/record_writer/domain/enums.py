"""Shopify's enums, in lower case as webhooks write them: what each value means here, and which are news to us.

Shopify adds values between versions. One that is not here is stored as it came and means nothing; it is never refused.
"""

from collections.abc import Callable, Collection
from collections.abc import Set as AbstractSet
from functools import lru_cache
from operator import attrgetter

from record_writer.domain.rows import RESOURCES, ContactRow, OrderRow, ProductRow, Row

CUSTOMER_STATES: dict[str, str | None] = {
    name: name for name in ("enabled", "disabled", "invited", "declined")
}
FINANCIAL: dict[str, str | None] = {
    name: name
    for name in (
        "pending",
        "authorized",
        "partially_paid",
        "paid",
        "partially_refunded",
        "refunded",
        "voided",
        "expired",
    )
}
FULFILLMENT: dict[str, str | None] = {
    "fulfilled": "fulfilled",
    "partial": "partial",
    "partially_fulfilled": "partial",
    "fulfillment_not_required": None,
    **dict.fromkeys(
        (
            "unfulfilled",
            "open",
            "in_progress",
            "on_hold",
            "scheduled",
            "pending_fulfillment",
            "request_declined",
            "restocked",
        ),
        "unfulfilled",
    ),
}
PRODUCT_STATUSES: dict[str, str | None] = {
    "active": "active",
    "archived": "archived",
    "draft": "draft",
    "unlisted": "active",  # shown as active before version 2025-10: it can be bought by its link
}
# These are stored as they come.
CANCEL_REASONS = frozenset(("customer", "declined", "fraud", "inventory", "other", "staff"))
INVENTORY_POLICIES = frozenset(("deny", "continue"))
MARKETING_STATES = frozenset(
    ("subscribed", "unsubscribed", "not_subscribed", "pending", "invalid", "redacted")
)
OPT_IN_LEVELS = frozenset(("single_opt_in", "confirmed_opt_in", "unknown"))

COLUMNS: dict[type[Row], dict[str, Collection[str]]] = {
    ContactRow: {
        "state_raw": CUSTOMER_STATES,
        "email_marketing_state": MARKETING_STATES,
        "marketing_opt_in_level": OPT_IN_LEVELS,
    },
    OrderRow: {
        "financial_status_raw": FINANCIAL,
        "fulfillment_status_raw": FULFILLMENT,
        "cancel_reason": CANCEL_REASONS,
    },
    ProductRow: {"status_raw": PRODUCT_STATUSES},
}
"""The columns that hold an enum's value, with the values that are known."""

Unknown = tuple[tuple[str, str], ...]
"""Fields and values: `(("orders.financial_status", "lost"),)`."""


def _getter(names: Collection[str]) -> Callable[[Row], tuple[object, ...]]:
    get = attrgetter(*names)
    return get if len(names) > 1 else lambda row: (get(row),)


_VALUES = {row: _getter(columns) for row, columns in COLUMNS.items()}
_USUAL = INVENTORY_POLICIES | {None}


def unknown_values(row: Row) -> Unknown:
    """Return what a row holds that is in no enum we know; hardly ever anything."""
    return _unknown_among(type(row), _VALUES[type(row)](row))


@lru_cache(maxsize=1_000)
def _unknown_among(row: type[Row], values: tuple[object, ...]) -> Unknown:
    """Remember the answer: a few values in a few combinations come again and again."""
    pairs = zip(COLUMNS[row].items(), values, strict=True)
    return tuple(
        (f"{RESOURCES[row]}.{column.removesuffix('_raw')}", value)
        for (column, known), value in pairs
        if isinstance(value, str) and value and value not in known
    )


def unknown_policies(policies: AbstractSet[str | None]) -> Unknown:
    """Return the inventory policies that we do not know, of all that the variants of a product have."""
    if policies <= _USUAL:
        return ()
    return tuple(
        ("products.variants.inventory_policy", value) for value in sorted(filter(None, policies - _USUAL))
    )
