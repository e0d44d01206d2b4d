"""How the mirrors compare with Shopify, as the orchestrator publishes it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Row

from oauth_gateway.domain.checks import Deletions, Gone, Mirror, Proof
from sync_common.contracts.resources import Resource
from sync_common.db import Transaction, load_sql

IDS_MAX: Final = 20
GROUPS_MAX: Final = 10


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


async def waiting_deletions(tx: Transaction, advertiser_id: int) -> Mapping[int, tuple[Gone, ...]]:
    """Return what waits for a person, by store."""
    rows = await tx.execute(load_sql(__package__, "waiting_deletions"), {"advertiser_id": advertiser_id})
    found: dict[int, dict[str, Gone]] = defaultdict(dict)
    for row in rows:
        found[row.store_id][row.resource] = Gone(Resource(row.resource), row.records)
    return {
        store_id: tuple(gone[resource] for resource in Resource if resource in gone)
        for store_id, gone in found.items()
    }


async def deletions(
    tx: Transaction, advertiser_id: int, store_id: int, *, groups_max: int = GROUPS_MAX
) -> Sequence[Deletions]:
    """Return what the checks of a store found deleted, what waits first, then the newest."""
    parameters = {
        "advertiser_id": advertiser_id,
        "store_id": store_id,
        "ids_max": IDS_MAX,
        "groups_max": groups_max,
    }
    return [
        Deletions(
            resource=Resource(row.resource),
            records=row.records,
            check_id=row.check_id,
            state=row.state,
            at=row.at,
            decided_by=row.decided_by,
            record_ids=tuple(row.record_ids),
        )
        for row in await tx.execute(load_sql(__package__, "deletions"), parameters)
    ]


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
