"""Lists which records there are, without their bodies."""

from dataclasses import dataclass
from datetime import datetime

from shopify_fetcher.access.session import ShopSession
from shopify_fetcher.domain.search import Window
from shopify_fetcher.domain.shop import numeric_id
from shopify_fetcher.reading.records import PageSize, next_number, page_of
from sync_common.contracts.resources import Resource


@dataclass(frozen=True, slots=True)
class ListedId:
    """A record and when it was created, as Shopify writes it."""

    id: str
    created_at: str


@dataclass(frozen=True, slots=True)
class IdsRead:
    """Some ids of a window in ascending order, and the number from which it goes on; None at its end."""

    ids: list[ListedId]
    next_first: int | None
    shopify_time: datetime


async def read_ids(session: ShopSession, resource: Resource, window: Window) -> IdsRead:
    """List the lowest ids of a window, as many as one page holds less those that it does not cover."""
    size = PageSize(resource, first=PageSize.MAX)
    answer, page = await page_of(
        session, resource, f"{resource}_ids", {"query": window.search(resource)}, size
    )
    covered = [node for node in page["nodes"] if window.covers(node)]
    ids = [ListedId(numeric_id(node["id"]), node["createdAt"]) for node in covered]
    return IdsRead(ids, next_number(page), answer.shopify_time)
