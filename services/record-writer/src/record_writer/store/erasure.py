"""Erasing people and shops, and exporting what is held of a person."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or

from record_writer.domain.redaction import Hasher, RedactionKey, Subject
from record_writer.store.sql import query
from record_writer.store.tables import (
    access_log,
    compliance_receipts,
    export_chunks,
    exports,
    shop_erasures,
)
from sync_common.db import Transaction, raw_cursor

EXPORT_KEPT: Final = timedelta(days=30)
EXPORT_CHUNK_RECORDS: Final = 100


@dataclass(frozen=True, slots=True)
class ShopStore:
    """A store of a shop, as erasure sees it."""

    advertiser_id: int
    store_id: int
    generation: int
    is_connected: bool
    keep_anonymous: bool
    connected_at: datetime | None


@dataclass(frozen=True, slots=True)
class PersonQuery:
    """Whom a request names, within one store."""

    advertiser_id: int
    store_id: int
    customer_id: str | None
    email: str | None
    order_ids: Sequence[str]
    redacted_at: datetime

    def parameters(self) -> dict[str, Any]:
        """Return the statement's parameters."""
        return {
            "advertiser_id": self.advertiser_id,
            "store_id": self.store_id,
            "customer_id": self.customer_id,
            "email": self.email,
            "order_ids": list(self.order_ids),
            "redacted_at": self.redacted_at,
        }


@dataclass(frozen=True, slots=True)
class Redacted:
    """What was taken of a person from one store."""

    order_ids: Sequence[str]
    contacts: int

    @property
    def effects(self) -> dict[str, int]:
        """Return how many of each, for the receipt."""
        return {"orders": len(self.order_ids), "contacts": self.contacts}


async def stores_of(tx: Transaction, shop: str) -> list[ShopStore]:
    """Return every store of a shop, connected or not."""
    async with raw_cursor(tx) as cursor:
        await cursor.execute(query("stores_of_shop"), {"shop": shop})
        return [
            ShopStore(
                advertiser_id,
                store_id,
                generation or 0,
                is_connected=status == "connected",
                keep_anonymous=preference == "anonymise",
                connected_at=connected_at,
            )
            for advertiser_id, store_id, generation, status, preference, connected_at in await cursor.fetchall()
        ]


async def remember(
    tx: Transaction, hasher: Hasher, shop: str, keys: Iterable[RedactionKey], redacted_at: datetime
) -> None:
    """Remember that these subjects were erased; keys are keyed hashes."""
    listed = sorted(set(keys))
    async with raw_cursor(tx) as cursor:
        await cursor.execute(
            query("remember_redactions"),
            {
                "kinds": [kind for kind, _ in listed],
                "keys": [key for _, key in listed],
                "shop_key": hasher.key(Subject.SHOP, shop),
                "redacted_at": redacted_at,
            },
        )


async def redact_person(tx: Transaction, person: PersonQuery, *, subject_keys: Iterable[bytes]) -> Redacted:
    """Delete a person's contact and exports and anonymise the orders.

    Says which orders these are, for nothing on them tells any more.
    """
    async with raw_cursor(tx) as cursor:
        await cursor.execute(query("redact_orders"), person.parameters())
        order_ids = [external_id for (external_id,) in await cursor.fetchall()]
        await cursor.execute(query("redact_contact"), person.parameters())
        contacts = cursor.rowcount
        held = replace(person, order_ids=sorted({*person.order_ids, *order_ids}))
        await cursor.execute(query("drop_exports"), held.parameters() | {"subject_keys": list(subject_keys)})
        return Redacted(order_ids, contacts)


async def export_person(
    tx: Transaction, person: PersonQuery, *, request_id: str, subject_key: bytes, now: datetime
) -> int:
    """Copy what a store holds of a person into an export in chunks; return the number of records."""
    async with raw_cursor(tx) as cursor:
        await cursor.execute(query("person_records"), person.parameters())
        found = [{"kind": kind, "record": content} for kind, _, content in await cursor.fetchall()]
    ids = {"advertiser_id": person.advertiser_id, "store_id": person.store_id}
    made = await tx.execute(
        insert_or(exports)
        .values(
            **ids,
            request_id=request_id,
            subject_key=subject_key,
            records=len(found),
            created_at=now,
            expires_at=now + EXPORT_KEPT,
        )
        .on_conflict_do_nothing()
        .returning(exports.c.id)
    )
    if (export_id := made.scalar_one_or_none()) is None:
        return len(found)
    chunks = [
        found[start : start + EXPORT_CHUNK_RECORDS] for start in range(0, len(found), EXPORT_CHUNK_RECORDS)
    ]
    if chunks:
        await tx.execute(
            insert(export_chunks),
            [
                {
                    "advertiser_id": person.advertiser_id,
                    "export_id": export_id,
                    "number": number,
                    "content": chunk,
                }
                for number, chunk in enumerate(chunks, start=1)
            ],
        )
    await tx.execute(
        insert(access_log).values(
            **ids,
            action="export",
            actor="shopify:data_request",
            subject=f"export/{export_id}",
            created_at=now,
        )
    )
    return len(found)


async def receipted(tx: Transaction, topic: str, webhook_id: str) -> set[int]:
    """Return the stores for which this delivery was dealt with before."""
    found = select(compliance_receipts.c.store_id).where(
        compliance_receipts.c.topic == topic,
        compliance_receipts.c.webhook_id == webhook_id,
        compliance_receipts.c.store_id.is_not(None),
    )
    return set((await tx.execute(found)).scalars())


async def note_receipt(tx: Transaction, **receipt: Any) -> None:
    """Note what was done for a compliance request, once per delivery and store."""
    await tx.execute(insert_or(compliance_receipts).values(**receipt).on_conflict_do_nothing())


async def request_erasure(
    tx: Transaction, store: ShopStore, *, shop: str, requested_at: datetime, webhook_id: str
) -> None:
    """Ask for a store's erasure; it is done in small transactions afterwards."""
    values = {
        "advertiser_id": store.advertiser_id,
        "store_id": store.store_id,
        "generation": store.generation,
        "shop_domain": shop,
        "keep_anonymous": store.keep_anonymous,
        "requested_at": requested_at,
        "webhook_id": webhook_id,
    }
    await tx.execute(insert_or(shop_erasures).values(**values).on_conflict_do_nothing())


async def claim_erasure(tx: Transaction) -> Any | None:
    """Claim the oldest erasure that is not done, for this transaction."""
    oldest = (
        select(shop_erasures)
        .where(shop_erasures.c.done_at.is_(None))
        .order_by(shop_erasures.c.created_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return (await tx.execute(oldest)).one_or_none()


async def erase_some(tx: Transaction, erasure: Any, *, limit: int) -> dict[str, int]:
    """Erase the next `limit` rows of each kind, and all exports; nothing but zeros means that the store is erased.

    Exports may have been made of rows that are still to be erased, so their own time does not spare them.
    """
    parameters = {
        "advertiser_id": erasure.advertiser_id,
        "store_id": erasure.store_id,
        "requested_at": erasure.requested_at,
        "limit": limit,
    }
    kinds = {"contacts": "erase_contacts", "orders": "anonymise_orders", "tombstones": "erase_tombstones"}
    if not erasure.keep_anonymous:
        kinds |= {"orders": "erase_orders", "products": "erase_products"}
    erased = dict.fromkeys(kinds, 0)
    reached = {name: erasure.reached.get(name, "") for name in kinds}
    async with raw_cursor(tx) as cursor:
        for name, after in reached.items():
            if after is not None:
                await cursor.execute(query(kinds[name]), parameters | {"after": after})
                ((erased[name], reached[name]),) = await cursor.fetchall()
    await tx.execute(update(shop_erasures).where(*_this(erasure)).values(reached=reached))
    dropped = await tx.execute(
        delete(exports).where(
            exports.c.advertiser_id == erasure.advertiser_id, exports.c.store_id == erasure.store_id
        )
    )
    return erased | {"exports": dropped.rowcount}


async def note_erased(tx: Transaction, erasure: Any, effects: dict[str, int], *, done: bool) -> None:
    """Add to what an erasure did so far, and end it when it is done."""
    total = {name: erasure.effects.get(name, 0) + number for name, number in effects.items()}
    await tx.execute(
        update(shop_erasures)
        .where(*_this(erasure))
        .values(effects=total, done_at=func.clock_timestamp() if done else None)
    )


def _this(erasure: Any) -> tuple[ColumnElement[bool], ...]:
    return (
        shop_erasures.c.advertiser_id == erasure.advertiser_id,
        shop_erasures.c.store_id == erasure.store_id,
        shop_erasures.c.generation == erasure.generation,
    )


async def forget_expired_exports(tx: Transaction) -> bool:
    """Delete exports that nobody fetched in time; False, since no more of them are left."""
    await tx.execute(delete(exports).where(exports.c.expires_at < func.statement_timestamp()))
    return False
