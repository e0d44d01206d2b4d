"""The three Shopify resources that are mirrored, and the names that follow from them."""

from enum import StrEnum
from typing import Final

SHOPIFY_API_VERSION: Final = "2026-10"


class Resource(StrEnum):
    """A kind of Shopify record; the value is its plural name in topics, tables and URLs."""

    CUSTOMERS = "customers"
    ORDERS = "orders"
    PRODUCTS = "products"


class Shape(StrEnum):
    """How Shopify wrote a record down: webhook bodies are REST-shaped, everything read is GraphQL."""

    REST = "rest"
    GRAPHQL = "graphql"
