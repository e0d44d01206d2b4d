"""What the gateway does about facts told by others: erase what it holds of a redacted shop."""

from collections.abc import Sequence

from oauth_gateway.store import stores
from sync_common.bus import BatchHandler, Done, Message, Outcome, Rejected
from sync_common.bus.message import rejection_of
from sync_common.contracts.envelope import MalformedEnvelope
from sync_common.contracts.events import ShopRedacted
from sync_common.db import Database


def lifecycle_handler(database: Database) -> BatchHandler:
    """Return the handler of `sync.lifecycle.v1`; each redaction has a transaction for its own advertiser."""

    async def handle(batch: Sequence[Message]) -> Sequence[Outcome]:
        return [await _on_message(database, message) for message in batch]

    return handle


async def _on_message(database: Database, message: Message) -> Outcome:
    """Erase for a redaction; every other fact concerns others. Erasing again changes nothing."""
    try:
        if message.envelope().type != ShopRedacted.type_name():
            return Done()
        event = message.event(ShopRedacted)
    except (Rejected, MalformedEnvelope) as error:
        return rejection_of(error)
    async with database.transaction(advertiser_id=event.advertiser_id) as tx:
        await stores.erase(tx, event.store_id)
    return Done()
