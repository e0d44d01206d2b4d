"""Records to read again by id, collected per shop."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import delete

from sync_common.contracts.resources import Resource
from sync_common.db import Transaction, load_sql
from sync_orchestrator.store.tables import refetch_queue

_PACKAGE: Final = "sync_orchestrator.store"


@dataclass(frozen=True, slots=True)
class Refetch:
    """One request's worth of records of one shop. `revisions` says which wish for each record is answered."""

    shop_domain: str
    resource: Resource
    revisions: Mapping[str, int]

    @property
    def record_ids(self) -> list[str]:
        """Return the ids to read."""
        return list(self.revisions)


async def want(
    tx: Transaction,
    *,
    shop_domain: str,
    resource: Resource,
    record_ids: Sequence[str],
    reason: str,
    delay: timedelta,
) -> None:
    """Ask for records; the delay gives others time to ask for the same ones."""
    parameters = {
        "shop_domain": shop_domain,
        "resource": resource,
        "record_ids": list(record_ids),
        "reason": reason,
        "delay_seconds": delay.total_seconds(),
    }
    await tx.execute(load_sql(_PACKAGE, "queue_refetch"), parameters)


async def claim(tx: Transaction, *, owner: str, lease_seconds: float, records_max: int) -> Refetch | None:
    """Claim what one request can read; None when nothing is due."""
    parameters = {"owner": owner, "lease_seconds": lease_seconds, "records_max": records_max}
    rows = (await tx.execute(load_sql(_PACKAGE, "claim_refetch"), parameters)).all()
    if not rows:
        return None
    revisions = {row.record_id: row.revision for row in rows}
    return Refetch(rows[0].shop_domain, Resource(rows[0].resource), revisions)


async def settle(tx: Transaction, refetch: Refetch) -> None:
    """Forget what was read; what was asked for again meanwhile stays, due at once."""
    parameters = {
        "shop_domain": refetch.shop_domain,
        "resource": refetch.resource,
        "record_ids": list(refetch.revisions),
        "revisions": list(refetch.revisions.values()),
    }
    await tx.execute(load_sql(_PACKAGE, "settle_refetch"), parameters)


async def postpone(
    tx: Transaction, refetch: Refetch, *, delay: timedelta, delay_max: timedelta, attempts_max: int | None
) -> int:
    """Put records back after a failed read; return how many were given up, none where tries are not counted."""
    parameters = {
        "shop_domain": refetch.shop_domain,
        "resource": refetch.resource,
        "record_ids": list(refetch.revisions),
        "delay_seconds": delay.total_seconds(),
        "delay_seconds_max": delay_max.total_seconds(),
        "attempts_max": attempts_max,
    }
    return int((await tx.execute(load_sql(_PACKAGE, "postpone_refetch"), parameters)).scalar_one())


async def forget_shop(tx: Transaction, shop_domain: str) -> None:
    """Drop every wish for a shop's records."""
    await tx.execute(delete(refetch_queue).where(refetch_queue.c.shop_domain == shop_domain))
