"""What queries have cost: shared by all processes and kept over restarts, so that nobody has to guess twice."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from shopify_fetcher.store.tables import query_costs
from sync_common.db import Transaction

Size = tuple[str, int]
"""A document and how many records it was asked for, or else with how many variables: counts have one each."""


async def load(tx: Transaction) -> dict[Size, float]:
    """Return every cost that is known."""
    rows = await tx.execute(select(query_costs.c.document, query_costs.c.size, query_costs.c.cost))
    return {(row.document, row.size): row.cost for row in rows}


async def save(tx: Transaction, size: Size, cost: float) -> None:
    """Keep what a query was charged last."""
    statement = insert(query_costs).values(document=size[0], size=size[1], cost=cost)
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=[query_costs.c.document, query_costs.c.size],
            set_={"cost": statement.excluded.cost},
            where=query_costs.c.cost != statement.excluded.cost,
        )
    )
