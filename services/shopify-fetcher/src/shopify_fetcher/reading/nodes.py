"""Reads records by id: full bodies, and which ids are proven gone."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from shopify_fetcher.access.session import ShopSession
from shopify_fetcher.clients.answers import Answer
from shopify_fetcher.domain.shop import orders_surely_seen_from
from shopify_fetcher.errors import MaxCostExceeded
from shopify_fetcher.reading.records import PageSize, completed
from sync_common.contracts.resources import Resource

_TYPES: Final = {Resource.CUSTOMERS: "Customer", Resource.ORDERS: "Order", Resource.PRODUCTS: "Product"}


@dataclass(frozen=True, slots=True)
class NodesRead:
    """What a read by id told. `gone` is proof of deletion; `unseen` was null without being proof."""

    observed_at: datetime
    records: list[tuple[str, msgspec.Raw]]
    gone: list[str]
    unseen: list[str]


async def read_nodes(
    session: ShopSession, resource: Resource, ids: list[str], *, created_after: datetime | None
) -> NodesRead:
    """Read records by id. `observed_at` is when the earliest request was sent.

    The caller vouches that each of them was created after `created_after`, where that is given.
    """
    size, position = PageSize(resource), 0
    observed_at: datetime | None = None
    records: list[tuple[str, msgspec.Raw]] = []
    gone: list[str] = []
    unseen: list[str] = []
    while position < len(ids):
        chunk = ids[position : position + size.value]
        gids = [f"gid://shopify/{_TYPES[resource]}/{number}" for number in chunk]
        try:
            answer = await session.call(f"{resource}_nodes", {"ids": gids})
        except MaxCostExceeded as error:
            size.halve(error)
            continue
        position += len(chunk)
        size.learn(answer.requested_cost)
        observed_at = min(observed_at or answer.observed_at, answer.observed_at)
        missing = gone if _null_is_proof(session, resource, answer, created_after) else unseen
        for number, node in zip(chunk, answer.data["nodes"], strict=True):
            record = None if node is None else await completed(session, resource, node)
            if record is None:
                missing.append(number)
            else:
                records.append((number, msgspec.Raw(msgspec.json.encode(record))))
    if observed_at is None:
        raise ValueError("a read by id needs at least one id")
    return NodesRead(observed_at, records, gone, unseen)


def _null_is_proof(
    session: ShopSession, resource: Resource, answer: Answer, created_after: datetime | None
) -> bool:
    """Say whether null means deleted: not in an answer with errors, and not for orders that age may hide from us."""
    if answer.errors:
        return False
    if resource is not Resource.ORDERS or session.installation.has_all_orders:
        return True
    return created_after is not None and created_after >= orders_surely_seen_from(answer.shopify_time)
