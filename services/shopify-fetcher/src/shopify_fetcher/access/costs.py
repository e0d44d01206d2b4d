"""How much a call will probably cost: what it cost before, in whichever process."""

from collections.abc import Mapping
from typing import Any, Final

from shopify_fetcher.domain.budget import QUERY_COST_MAX
from shopify_fetcher.store import costs
from shopify_fetcher.store.costs import Size
from sync_common.db import Database

FIRST_GUESS: Final = 100.0


class CostBook:
    """What each document has cost before, per number of things asked for: the best guess for the next call."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[Size, float] | None = None

    async def guess(self, name: str, variables: Mapping[str, Any]) -> float:
        """Return what the next call will probably be charged, in points."""
        known = await self._loaded()
        size = _size(name, variables)
        if size in known:
            return known[size]
        # Never asked for so many: at worst the cost grows as they do.
        scaled = [
            cost * max(1.0, size[1] / number)
            for (other, number), cost in known.items()
            if other == name and number
        ]
        return min(QUERY_COST_MAX, min(scaled, default=FIRST_GUESS))

    async def learn(self, name: str, variables: Mapping[str, Any], cost: float) -> None:
        """Keep what a call was charged."""
        known, size = await self._loaded(), _size(name, variables)
        if cost <= 0 or known.get(size) == cost:
            return
        known[size] = cost
        async with self._database.transaction() as tx:
            await costs.save(tx, size, cost)

    async def _loaded(self) -> dict[Size, float]:
        if self._known is None:
            async with self._database.transaction() as tx:
                self._known = await costs.load(tx)
        return self._known


def _size(name: str, variables: Mapping[str, Any]) -> Size:
    return name, int(variables.get("first") or len(variables.get("ids", variables)))
