"""Events owed to others, and events seen."""

from datetime import datetime
from typing import Final

from sync_common.bus import inbox as bus_inbox
from sync_common.bus import outbox as bus_outbox
from sync_common.contracts.envelope import Envelope
from sync_common.contracts.events import Event
from sync_common.contracts.topics import SYNC_ORCHESTRATOR
from sync_common.db import Transaction
from sync_orchestrator.store.tables import inbox, outbox

SOURCE: Final = SYNC_ORCHESTRATOR


async def publish(tx: Transaction, event: Event, *, now: datetime, causation: Envelope | None = None) -> None:
    """Owe an event from this transaction on."""
    await bus_outbox.publish(tx, outbox, event, source=SOURCE, now=now, causation=causation)


async def first_time(tx: Transaction, event_id: str, *, now: datetime) -> bool:
    """Say whether an event is new to us, and remember it."""
    return await bus_inbox.first_time(tx, inbox, event_id, SYNC_ORCHESTRATOR, now)


async def forget_before(tx: Transaction, before: datetime) -> None:
    """Forget events seen before an instant."""
    await bus_inbox.forget(tx, inbox, before)
