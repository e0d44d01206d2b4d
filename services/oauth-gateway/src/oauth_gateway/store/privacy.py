"""Customers' data to hand out, receipts of what was erased, and who took what out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select, update

from oauth_gateway.domain.privacy import Access, Export, Receipt, RedactPreference
from oauth_gateway.store.tables import advertisers, data_access
from sync_common.db import Transaction, load_sql


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of an export: the text of some records, separated by commas."""

    number: int
    records: int
    text: str


async def redact_preference(tx: Transaction, advertiser_id: int) -> RedactPreference:
    """Return what the advertiser has chosen."""
    statement = select(advertisers.c.redact_preference).where(advertisers.c.id == advertiser_id)
    return RedactPreference((await tx.execute(statement)).scalar_one())


async def set_redact_preference(tx: Transaction, advertiser_id: int, preference: RedactPreference) -> None:
    """Change what the advertiser has chosen."""
    statement = update(advertisers).where(advertisers.c.id == advertiser_id)
    await tx.execute(statement.values(redact_preference=preference, updated_at=func.clock_timestamp()))


async def exports(tx: Transaction, advertiser_id: int, *, before: int, rows_max: int) -> Sequence[Export]:
    """Return exports, newest first, from below this id on."""
    parameters = {"advertiser_id": advertiser_id, "before": before, "rows_max": rows_max}
    return [_export(row) for row in await tx.execute(load_sql(__package__, "exports"), parameters)]


async def export(tx: Transaction, advertiser_id: int, export_id: int) -> Export | None:
    """Return one export of the transaction's advertiser."""
    parameters = {"advertiser_id": advertiser_id, "before": export_id + 1, "rows_max": 1}
    row = (await tx.execute(load_sql(__package__, "exports"), parameters)).one_or_none()
    return _export(row) if row is not None and row.export_id == export_id else None


async def next_chunk(tx: Transaction, advertiser_id: int, export_id: int, *, after: int) -> Chunk | None:
    """Return the chunk that follows this number; None at the end, or when the export was deleted."""
    parameters = {"advertiser_id": advertiser_id, "export_id": export_id, "after": after}
    row = (await tx.execute(load_sql(__package__, "next_chunk"), parameters)).one_or_none()
    return Chunk(row.number, row.records, row.content.strip()[1:-1]) if row is not None else None


async def note_download(
    tx: Transaction, export: Export, *, advertiser_id: int, user_id: int, now: datetime
) -> None:
    """Note who takes an export out."""
    await tx.execute(
        insert(data_access).values(
            advertiser_id=advertiser_id,
            user_id=user_id,
            action="download",
            export_id=export.id,
            store_id=export.store_id,
            accessed_at=now,
        )
    )


async def latest_accesses(tx: Transaction, advertiser_id: int, *, rows_max: int) -> Sequence[Access]:
    """Return who took data out last."""
    parameters = {"advertiser_id": advertiser_id, "rows_max": rows_max}
    rows = await tx.execute(load_sql(__package__, "latest_accesses"), parameters)
    return [Access(row.user_name, row.export_id, row.shop_domain, row.accessed_at) for row in rows]


async def receipts(tx: Transaction, advertiser_id: int, *, before: int, rows_max: int) -> Sequence[Receipt]:
    """Return receipts, newest first, from below this id on."""
    parameters = {"advertiser_id": advertiser_id, "before": before, "rows_max": rows_max}
    rows = await tx.execute(load_sql(__package__, "receipts"), parameters)
    return [
        Receipt(
            id=row.receipt_id,
            shop_domain=row.shop_domain,
            topic=row.topic,
            webhook_id=row.webhook_id,
            received_at=row.received_at,
            done_at=row.done_at,
            outcome=row.outcome,
            effects=row.effects,
            keep_anonymous=row.keep_anonymous,
        )
        for row in rows
    ]


def _export(row: Row[Any]) -> Export:
    return Export(
        id=row.export_id,
        store_id=row.store_id,
        shop_domain=row.shop_domain,
        created_at=row.created_at,
        request_id=row.request_id,
        records=row.records,
        expires_at=row.expires_at,
    )
