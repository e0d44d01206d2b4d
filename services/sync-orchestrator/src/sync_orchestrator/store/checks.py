"""Checks of a store's mirror: wanted, claimed, ended; and what they found."""

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, func, select, update

from sync_common.contracts.events import DeletionDecision
from sync_common.contracts.resources import Resource
from sync_common.db import Transaction, load_sql
from sync_orchestrator.domain.checks import (
    AFTER_DECISION,
    Check,
    CheckReason,
    CheckState,
    DeletionBatch,
    DeletionState,
    Proof,
)
from sync_orchestrator.domain.model import OfStore
from sync_orchestrator.errors import LeaseLost
from sync_orchestrator.store.tables import checks, deletions

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


async def claim(tx: Transaction, *, owner: str, lease_seconds: float) -> Check | None:
    """Claim one check that is due, or that its holder has left."""
    parameters = {"owner": owner, "lease_seconds": lease_seconds}
    row = (await tx.execute(load_sql(_PACKAGE, "claim_check"), parameters)).one_or_none()
    return None if row is None else Check(**row._mapping)


async def hold(tx: Transaction, check: Check, *, lease_seconds: float) -> None:
    """Keep a check ours for another while; raise LeaseLost if it no longer is."""
    parameters = {**_held(check), "lease_seconds": lease_seconds}
    if (await tx.execute(load_sql(_PACKAGE, "hold_check"), parameters)).first() is None:
        raise LeaseLost(f"check {check.check_id}: epoch {check.epoch} is over")


async def end(tx: Transaction, check: Check, state: CheckState, *, error_message: str | None = None) -> None:
    """End a check; raise LeaseLost if it is no longer ours."""
    parameters = {**_held(check), "state": state, "error_message": error_message}
    if (await tx.execute(load_sql(_PACKAGE, "end_check"), parameters)).first() is None:
        raise LeaseLost(f"check {check.check_id}: epoch {check.epoch} may not end it")


async def postpone(tx: Transaction, check: Check, *, delay: timedelta, failures: int = 1) -> None:
    """Put a check back, to be begun anew after a while."""
    parameters = {**_held(check), "delay_seconds": delay.total_seconds(), "failures": failures}
    await tx.execute(load_sql(_PACKAGE, "postpone_check"), parameters)


async def cancel(tx: Transaction, advertiser_id: int, store_id: int) -> None:
    """Cancel a store's check: there is nobody to ask any more."""
    await tx.execute(
        update(checks)
        .where(
            checks.c.advertiser_id == advertiser_id,
            checks.c.store_id == store_id,
            checks.c.state.in_((CheckState.WAITING, CheckState.RUNNING)),
        )
        .values(state=CheckState.CANCELLED, ended_at=func.clock_timestamp(), lease_owner=None)
    )


async def forget_before(tx: Transaction, before: datetime) -> None:
    """Forget checks that ended before an instant; what they proved and found deleted stays."""
    await tx.execute(delete(checks).where(checks.c.ended_at < before))


async def note_proof(tx: Transaction, check: Check, resource: Resource, proof: Proof) -> None:
    """Keep how a resource compared with Shopify; raise LeaseLost if the check is no longer ours."""
    parameters = {**_held(check), "resource": resource, **asdict(proof)}
    if (await tx.execute(load_sql(_PACKAGE, "note_proof"), parameters)).first() is None:
        raise LeaseLost(f"check {check.check_id}: epoch {check.epoch} may not prove anything")


async def note_deletions(
    tx: Transaction,
    check: Check,
    resource: Resource,
    record_ids: Collection[str],
    state: DeletionState,
) -> None:
    """Remember records that were found deleted at Shopify."""
    parameters = {
        "advertiser_id": check.advertiser_id,
        "store_id": check.store_id,
        "check_id": check.check_id,
        "resource": resource,
        "record_ids": list(record_ids),
        "state": state,
    }
    await tx.execute(load_sql(_PACKAGE, "note_deletions"), parameters)


async def kept(tx: Transaction, check: Check, resource: Resource) -> frozenset[str]:
    """Return the records that stay by a person's will, although Shopify has them no more."""
    statement = select(deletions.c.record_id).where(
        deletions.c.advertiser_id == check.advertiser_id,
        deletions.c.store_id == check.store_id,
        deletions.c.resource == resource,
        deletions.c.state.in_((DeletionState.KEPT, DeletionState.RESTORING, DeletionState.UNDONE)),
    )
    return frozenset((await tx.execute(statement)).scalars())


async def forget_deletions(
    tx: Transaction, of: OfStore, resource: Resource, record_ids: Collection[str]
) -> None:
    """Forget that records were deleted at Shopify: it has them, after all."""
    await tx.execute(
        delete(deletions).where(
            deletions.c.advertiser_id == of.advertiser_id,
            deletions.c.store_id == of.store_id,
            deletions.c.resource == resource,
            deletions.c.record_id.in_(record_ids),
        )
    )


async def decide(
    tx: Transaction,
    advertiser_id: int,
    store_id: int,
    *,
    check_id: int,
    resource: Resource,
    decision: DeletionDecision,
    user_id: int | None,
) -> int:
    """Do what a person decided with what one check found; return for how many records it made a difference."""
    from_states, state = AFTER_DECISION[decision]
    parameters = {
        "advertiser_id": advertiser_id,
        "store_id": store_id,
        "check_id": check_id,
        "resource": resource,
        "state": state,
        "from_states": list(from_states),
        "user_id": user_id,
    }
    return (await tx.execute(load_sql(_PACKAGE, "decide_deletions"), parameters)).rowcount


async def next_deletions(
    tx: Transaction, *, records_max: int, but_of: Collection[int]
) -> DeletionBatch | None:
    """Return the next deletions to carry out or to undo, but those of some stores."""
    parameters = {"records_max": records_max, "but_of": list(but_of)}
    rows = (await tx.execute(load_sql(_PACKAGE, "next_deletions"), parameters)).all()
    if not rows:
        return None
    first = rows[0]
    return DeletionBatch(
        advertiser_id=first.advertiser_id,
        store_id=first.store_id,
        installation_id=first.installation_id,
        shop_domain=first.shop_domain,
        resource=Resource(first.resource),
        state=DeletionState(first.state),
        record_ids=tuple(row.record_id for row in rows),
    )


async def settle_deletions(
    tx: Transaction, batch: DeletionBatch, record_ids: Collection[str], state: DeletionState
) -> None:
    """Note what was done with deletions."""
    await tx.execute(
        update(deletions)
        .where(
            deletions.c.advertiser_id == batch.advertiser_id,
            deletions.c.store_id == batch.store_id,
            deletions.c.resource == batch.resource,
            deletions.c.state == batch.state,
            deletions.c.record_id.in_(record_ids),
        )
        .values(state=state)
    )


def _held(check: Check) -> dict[str, Any]:
    return {"advertiser_id": check.advertiser_id, "check_id": check.check_id, "epoch": check.epoch}
