"""Hand out what is held of a customer, show what was erased, and take the advertiser's choice about shops."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from oauth_gateway.domain.access import Membership, User
from oauth_gateway.domain.lists import LISTED_MAX, Listed
from oauth_gateway.domain.privacy import Access, Export, Receipt, RedactPreference
from oauth_gateway.domain.words import utc_text
from oauth_gateway.errors import ExportGone, InvalidInput, NotFound
from oauth_gateway.handlers.context import Gateway
from oauth_gateway.store import privacy

ACCESSES_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything the privacy page shows."""

    preference: RedactPreference
    exports: Listed[Export]
    accesses: Sequence[Access]
    receipts: Listed[Receipt]


async def overview(
    gateway: Gateway, membership: Membership, *, exports_before: int, receipts_before: int
) -> Overview:
    """Read the privacy page."""
    advertiser_id, rows_max = membership.advertiser_id, LISTED_MAX + 1
    async with gateway.database.transaction(advertiser_id=advertiser_id) as tx:
        return Overview(
            await privacy.redact_preference(tx, advertiser_id),
            Listed.of(await privacy.exports(tx, advertiser_id, before=exports_before, rows_max=rows_max)),
            await privacy.latest_accesses(tx, advertiser_id, rows_max=ACCESSES_MAX),
            Listed.of(await privacy.receipts(tx, advertiser_id, before=receipts_before, rows_max=rows_max)),
        )


async def choose(
    gateway: Gateway, membership: Membership, preference: str
) -> tuple[RedactPreference, RedactPreference]:
    """Set what remains of an erased shop; return the choice as it was and as it is."""
    try:
        wanted = RedactPreference(preference)
    except ValueError:
        raise InvalidInput("Choose one of the two.") from None
    advertiser_id = membership.advertiser_id
    async with gateway.database.transaction(advertiser_id=advertiser_id) as tx:
        before = await privacy.redact_preference(tx, advertiser_id)
        await privacy.set_redact_preference(tx, advertiser_id, wanted)
    return before, wanted


async def begin_download(gateway: Gateway, membership: Membership, user: User, export_id: int) -> Export:
    """Note that somebody takes an export, and return it; raise NotFound for a foreign one.

    The note is committed before there is a byte to send: whoever breaks off has seen data all the same.
    """
    now = gateway.clock.now()
    async with gateway.database.transaction(advertiser_id=membership.advertiser_id) as tx:
        export = await privacy.export(tx, membership.advertiser_id, export_id)
        if export is None:
            raise NotFound("export")
        if not export.is_ready(now):
            raise ExportGone
        await privacy.note_download(
            tx, export, advertiser_id=membership.advertiser_id, user_id=user.id, now=now
        )
    return export


async def contents(gateway: Gateway, membership: Membership, export: Export) -> AsyncIterator[str]:
    """Return an export as the pieces of one JSON document, each read when the one before is sent.

    No transaction waits for a slow reader. An export that is deleted meanwhile ends in ExportGone, so that half a
    document is never taken for a whole one.
    """
    about = {
        "request_id": export.request_id,
        "shop": export.shop_domain,
        "exported_at": utc_text(export.created_at),
        "record_count": export.records,
    }
    yield f'{json.dumps(about)[:-1]}, "records": ['
    number = records = 0
    while records != export.records:
        async with gateway.database.transaction(advertiser_id=membership.advertiser_id) as tx:
            chunk = await privacy.next_chunk(tx, membership.advertiser_id, export.id, after=number)
        if chunk is None:
            raise ExportGone
        yield f"{',' if records else ''}\n{chunk.text}"
        number, records = chunk.number, records + chunk.records
    yield "\n]}\n"
