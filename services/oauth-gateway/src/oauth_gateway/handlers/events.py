"""What the gateway does about facts told by others: forget a redacted shop, have a granted order history read."""

from collections.abc import Sequence

from oauth_gateway.store import stores, tables
from sync_common.bus import BatchHandler, Done, Message, Outcome, Rejected, outbox
from sync_common.bus.message import rejection_of
from sync_common.contracts.envelope import MalformedEnvelope
from sync_common.contracts.events import BackfillRequested, ShopRedacted, SyncStarted
from sync_common.contracts.events.lifecycle import JobType
from sync_common.contracts.topics import OAUTH_GATEWAY
from sync_common.db import Database
from sync_common.runtime import Clock


def lifecycle_handler(database: Database, clock: Clock) -> BatchHandler:
    """Return the handler of `sync.lifecycle.v1`; each fact has a transaction for its own advertiser."""

    async def handle(batch: Sequence[Message]) -> Sequence[Outcome]:
        return [await _on_message(database, clock, message) for message in batch]

    return handle


async def _on_message(database: Database, clock: Clock, message: Message) -> Outcome:
    """Act on a redaction and on a full sync that begins; every other fact concerns others."""
    try:
        kind = message.envelope().type
        if kind == ShopRedacted.type_name():
            await _on_redaction(database, message.event(ShopRedacted))
        elif kind == SyncStarted.type_name():
            await _on_start(database, clock, message.event(SyncStarted))
    except (Rejected, MalformedEnvelope) as error:
        return rejection_of(error)
    return Done()


async def _on_redaction(database: Database, event: ShopRedacted) -> None:
    """Erase; doing so again changes nothing."""
    async with database.transaction(advertiser_id=event.advertiser_id) as tx:
        await stores.erase(tx, event.store_id)


async def _on_start(database: Database, clock: Clock, event: SyncStarted) -> None:
    """Have the whole order history read where it is wished for and granted.

    Every connection is followed by a full sync, so this is the first moment after a consent at which the orchestrator
    surely knows the new connection: a wish that came before would be cancelled with the jobs of the old one. Asking
    again while it is read, or for a message that comes twice, changes nothing.
    """
    if event.job_type is not JobType.FULL_SYNC:
        return
    async with database.transaction(advertiser_id=event.advertiser_id) as tx:
        granted = await stores.granted_history(tx, event.advertiser_id, event.store_id)
        if granted is not None:
            wish = BackfillRequested(
                store_id=event.store_id,
                advertiser_id=event.advertiser_id,
                requested_by_user_id=granted.user_id,
            )
            await outbox.publish(tx, tables.outbox, wish, source=OAUTH_GATEWAY, now=clock.now())
