"""How the mirrors compare with Shopify, as the orchestrator publishes it."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row

from oauth_gateway.domain.checks import Mirror, Proof
from sync_common.contracts.resources import Resource
from sync_common.db import Transaction, load_sql


async def mirrors(tx: Transaction, advertiser_id: int) -> Mapping[int, Mirror]:
    """Return what was last proven of each store."""
    rows = await tx.execute(load_sql(__package__, "proofs"), {"advertiser_id": advertiser_id})
    found: dict[int, dict[str, Proof]] = defaultdict(dict)
    for row in rows:
        found[row.store_id][row.resource] = _proof(row)
    return {
        store_id: Mirror(tuple(proofs[resource] for resource in Resource if resource in proofs))
        for store_id, proofs in found.items()
    }


def _proof(row: Row[Any]) -> Proof:
    return Proof(
        resource=Resource(row.resource),
        shopify_count=row.shopify_count,
        our_count=row.our_count,
        missing=row.missing,
        surplus=row.surplus,
        repaired=row.repaired,
        lost_changes=row.lost_changes,
        checked_at=row.checked_at,
        equal=row.equal,
    )
