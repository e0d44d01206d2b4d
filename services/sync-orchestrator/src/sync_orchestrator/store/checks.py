"""Checks of a store's mirror: wanted, claimed, ended; and what they found."""

from typing import Final

from sync_common.db import Transaction, load_sql
from sync_orchestrator.domain.checks import CheckReason

_PACKAGE: Final = "sync_orchestrator.store"


async def want(
    tx: Transaction,
    advertiser_id: int,
    store_id: int,
    reason: CheckReason,
    *,
    job_id: int | None = None,
    user_id: int | None = None,
) -> int | None:
    """Return the store's check that will be made; None for a store that is not connected or not synced yet."""
    parameters = {
        "advertiser_id": advertiser_id,
        "store_id": store_id,
        "reason": reason,
        "job_id": job_id,
        "user_id": user_id,
    }
    check_id: int | None = (
        await tx.execute(load_sql(_PACKAGE, "want_check"), parameters)
    ).scalar_one_or_none()
    return check_id
