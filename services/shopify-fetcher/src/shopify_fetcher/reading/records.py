"""Whole records out of paged answers: nested lists completed, so that a body is the same whichever way it was read."""

from typing import Any, Final

from shopify_fetcher.access.session import ShopSession
from shopify_fetcher.errors import Malformed, MaxCostExceeded
from sync_common.contracts.resources import Resource

MORE_NODES: Final = 100
QUERY_COST_MAX: Final = 1_000
MORE_PAGES_MAX: Final = 1_000

_NESTED: Final[dict[Resource, tuple[tuple[str, str], ...]]] = {
    Resource.CUSTOMERS: (("addressesV2", "customers_addresses"),),
    Resource.ORDERS: (("lineItems", "orders_line_items"),),
    Resource.PRODUCTS: (("variants", "products_variants"), ("media", "products_media")),
}
_ROOT: Final = {Resource.CUSTOMERS: "customer", Resource.ORDERS: "order", Resource.PRODUCTS: "product"}

Record = dict[str, Any]


class PageSize:
    """How many records to ask for: more while Shopify finds it cheap, half as many when it finds it too dear.

    How a connection's size enters its cost is not published, so the size is found by asking (API rate limits).
    """

    FIRST: Final = {Resource.CUSTOMERS: 100, Resource.ORDERS: 20, Resource.PRODUCTS: 20}
    MAX: Final = 250

    def __init__(self, resource: Resource) -> None:
        self.value = self.FIRST[resource]
        self._limit = self.MAX

    def learn(self, requested_cost: float) -> None:
        """Ask for twice as many if even that could not pass the limit of one query."""
        if 0 < 2 * requested_cost <= QUERY_COST_MAX:
            self.value = min(2 * self.value, self._limit)

    def halve(self, error: MaxCostExceeded) -> None:
        """Ask for half as many, from now on; give up when one record alone is too dear."""
        if self.value == 1:
            raise error
        self.value //= 2
        self._limit = self.value


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
        else:
            raise Malformed(f"a record's {name} have no end")
    return record
