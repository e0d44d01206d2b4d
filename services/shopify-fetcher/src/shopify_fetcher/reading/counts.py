"""Exact counts, from Shopify itself."""

from datetime import datetime

from shopify_fetcher.access.session import ShopSession
from shopify_fetcher.clients.answers import Answer
from shopify_fetcher.domain.search import Window
from shopify_fetcher.errors import Malformed
from sync_common.contracts.resources import Resource


async def count_of(session: ShopSession, resource: Resource, search: str) -> int:
    """Return how many records of a resource match."""
    return (await counted(session, resource, search))[0]


async def counted(session: ShopSession, resource: Resource, search: str) -> tuple[int, Answer]:
    """Return the count and the answer that told it, which also tells Shopify's time."""
    answer = await session.call(f"{resource}_count", {"query": search})
    return _count(answer.data.get("count")), answer


async def counts(session: ShopSession, created_since: datetime | None) -> dict[str, int]:
    """Return the counts of all three resources; `created_since` bounds the orders."""
    searches = {
        resource.value: Window(created_since=created_since if resource is Resource.ORDERS else None).search(
            resource
        )
        for resource in Resource
    }
    answer = await session.call("counts", searches)
    return {resource.value: _count(answer.data.get(f"{resource}Count")) for resource in Resource}


def _count(value: object) -> int:
    if not isinstance(value, dict):
        raise Malformed("a count is missing")
    return int(value["count"])
