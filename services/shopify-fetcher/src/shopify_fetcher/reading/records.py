"""Whole records out of paged answers: nested lists completed, so that a body is the same whichever way it was read."""

from typing import Any, Final

from shopify_fetcher.access.session import ShopSession
from shopify_fetcher.errors import MaxCostExceeded
from sync_common.contracts.resources import Resource

MORE_NODES: Final = 100
MORE_PAGES_MAX: Final = 1_000

_NESTED: Final[dict[Resource, tuple[tuple[str, str], ...]]] = {
    Resource.CUSTOMERS: (("addressesV2", "customers_addresses"),),
    Resource.ORDERS: (("lineItems", "orders_line_items"),),
    Resource.PRODUCTS: (("variants", "products_variants"), ("media", "products_media")),
}
_ROOT: Final = {Resource.CUSTOMERS: "customer", Resource.ORDERS: "order", Resource.PRODUCTS: "product"}

Record = dict[str, Any]


class PageSize:
    """How many records to ask for: halved whenever Shopify finds a query too dear."""

    FIRST: Final = {Resource.CUSTOMERS: 100, Resource.ORDERS: 20, Resource.PRODUCTS: 20}

    def __init__(self, resource: Resource) -> None:
        self.value = self.FIRST[resource]

    def halve(self, error: MaxCostExceeded) -> None:
        """Ask for fewer; give up when one record alone is too dear."""
        if self.value == 1:
            raise error
        self.value //= 2


async def completed(session: ShopSession, resource: Resource, record: Record) -> Record:
    """Fetch the rest of a record's nested lists and drop their page marks."""
    for name, document in _NESTED[resource]:
        nodes, mark = record[name]["nodes"], record[name].pop("pageInfo", None)
        for _ in range(MORE_PAGES_MAX):
            if mark is None or not mark["hasNextPage"]:
                break
            variables = {"id": record["id"], "first": MORE_NODES, "after": mark["endCursor"]}
            parent = (await session.call(document, variables)).data[_ROOT[resource]]
            if parent is None:
                break  # deleted meanwhile: its own delivery will tell
            nodes += parent[name]["nodes"]
            mark = parent[name]["pageInfo"]
    return record
