"""Exact counts, from Shopify itself."""

from collections.abc import Sequence
from typing import Final

from shopify_fetcher.access.session import ShopSession
from shopify_fetcher.clients.answers import Answer
from shopify_fetcher.domain.search import Window
from shopify_fetcher.errors import Malformed
from sync_common.contracts.resources import Resource

COUNTS_MAX: Final = 20
"""How many counts one query asks for: each costs a point or little more, and a query may cost 1,000."""


async def counted(
    session: ShopSession, resource: Resource, windows: Sequence[Window]
) -> tuple[list[int], Answer]:
    """Return how many records each of at most `COUNTS_MAX` windows holds, and the answer that told it.

    The answer also tells Shopify's time.
    """
    searches = {f"window{n}": window.count_search(resource) for n, window in enumerate(windows)}
    answer = await session.call(f"{resource}_counts", searches)
    return [_exact(answer.data.get(name)) for name in searches], answer


def _exact(count: object) -> int:
    """Return a count; one that is only a lower bound would pass for the truth, so it is never taken."""
    if not isinstance(count, dict):
        raise Malformed("a count is missing")
    if count.get("precision") != "EXACT":
        raise Malformed("a count is not exact")
    return int(count["count"])
