"""Whole records out of paged answers: nested lists completed, so that a body is the same whichever way it was read."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from shopify_fetcher.access.session import ShopSession
from shopify_fetcher.clients.answers import Answer
from shopify_fetcher.domain.budget import QUERY_COST_MAX
from shopify_fetcher.domain.shop import numeric_id
from shopify_fetcher.errors import AccessDenied, Malformed, MaxCostExceeded
from sync_common.contracts.resources import Resource

MORE_NODES: Final = 100
MORE_PAGES_MAX: Final = 1_000
STUCK_MAX: Final = 3  # times that a page is asked for that leads back to itself

_NESTED: Final[dict[Resource, tuple[tuple[str, str], ...]]] = {
    Resource.CUSTOMERS: (("addressesV2", "customers_addresses"),),
    Resource.ORDERS: (("lineItems", "orders_line_items"),),
    Resource.PRODUCTS: (("variants", "products_variants"), ("media", "products_media")),
}
_ROOT: Final = {Resource.CUSTOMERS: "customer", Resource.ORDERS: "order", Resource.PRODUCTS: "product"}

Record = dict[str, Any]
Page = dict[str, Any]


class PageSize:
    """How many records to ask for: more while Shopify finds it cheap, half as many when it finds it too dear.

    How a connection's size enters its cost is not published, so the size is found by asking (API rate limits).
    """

    FIRST: Final = {Resource.CUSTOMERS: 100, Resource.ORDERS: 20, Resource.PRODUCTS: 20}
    MAX: Final = 250

    def __init__(self, resource: Resource, *, first: int | None = None) -> None:
        self.value = first or self.FIRST[resource]
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


async def page_of(
    session: ShopSession, resource: Resource, document: str, variables: Mapping[str, Any], size: PageSize
) -> tuple[Answer, Page]:
    """Ask for one page, of as many records as may be afforded; raise where a record on it may not be read."""
    stuck = 0
    while True:
        try:
            answer = await session.call(document, {"first": size.value, **variables})
        except MaxCostExceeded as error:
            size.halve(error)
            continue
        size.learn(answer.requested_cost)
        page = _connection(answer, resource)
        if "after" not in variables or not _is_stuck(page, variables["after"]):
            return answer, page
        stuck += 1
        if stuck == STUCK_MAX:
            raise Malformed("a page says that more follows, but not where")


def _connection(answer: Answer, resource: Resource) -> Page:
    page: Page | None = answer.data.get(resource.value)
    if page is None:
        raise Malformed("a page has no records and no error")
    if None in page["nodes"]:
        raise AccessDenied("records on a page may not be read")
    return page


def _is_stuck(page: Page, after: str | None) -> bool:
    """Say whether a page leads back to itself: its list would never end."""
    mark = page["pageInfo"]
    return mark["hasNextPage"] and mark["endCursor"] in (None, after)


def next_number(page: Page) -> int | None:
    """Return the number from which a list in the order of ids goes on after a page; None at its end."""
    if not page["pageInfo"]["hasNextPage"]:
        return None
    if not page["nodes"]:
        raise Malformed("a page says that more follows, but not where")
    return int(numeric_id(page["nodes"][-1]["id"])) + 1


async def encoded(
    session: ShopSession, resource: Resource, nodes: Iterable[Record]
) -> list[tuple[str, bytes]]:
    """Return (gid, body) of the records of a page, complete; one that was deleted meanwhile is left out.

    Its own delivery will tell of it.
    """
    records = [(node["id"], await completed(session, resource, node)) for node in nodes]
    return [(gid, msgspec.json.encode(record)) for gid, record in records if record is not None]


async def completed(session: ShopSession, resource: Resource, record: Record) -> Record | None:
    """Fetch the rest of a record's nested lists and drop their page marks; None if it was deleted meanwhile.

    A record is whole or it is not read: what stays short of a list raises.
    """
    for name, document in _NESTED[resource]:
        if name not in record:  # we may not read it
            continue
        nodes, mark = record[name]["nodes"], record[name].pop("pageInfo", None)
        for _ in range(MORE_PAGES_MAX):
            if mark is None or not mark["hasNextPage"]:
                break
            more = await _more(session, resource, document, name, record["id"], mark["endCursor"])
            if more is None:
                return None
            nodes += more["nodes"]
            mark = more["pageInfo"]
        else:
            raise Malformed(f"a record's {name} have no end")
    return record


async def _more(
    session: ShopSession, resource: Resource, document: str, name: str, gid: str, after: str
) -> Page | None:
    """Return the next page of a nested list; None once the record is gone."""
    for _ in range(STUCK_MAX):
        answer = await session.call(document, {"id": gid, "first": MORE_NODES, "after": after})
        if answer.errors:
            raise AccessDenied(f"the rest of a record's {name} may not be read")
        parent = answer.data[_ROOT[resource]]
        if parent is None:
            return None
        page: Page = parent[name]
        if not _is_stuck(page, after):
            return page
    raise Malformed(f"a record's {name} say that more follow, but not where")
