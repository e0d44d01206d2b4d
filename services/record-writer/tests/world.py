"""The record-writer's handlers on a real database, with shortcuts to feed them and to look at the outcome."""

import asyncio
from collections.abc import Sequence
from hashlib import sha256
from typing import Any
from uuid import uuid4

import msgspec
import psycopg
from psycopg.rows import dict_row

from local_stack.postgres import replace_database
from record_writer.compliance import ComplianceHandler
from record_writer.domain.redaction import Hasher
from record_writer.handlers import RecordHandler
from record_writer.upkeep import Upkeep
from sync_common.bus import Message, Outcome, in_transaction, one_by_one
from sync_common.contracts.events import RefetchRequested
from sync_common.contracts.records import (
    RawRecord,
    RecordType,
    ShopWebhook,
    fetched,
    part_ended,
    record_key,
    restored,
)
from sync_common.contracts.resources import Resource, Shape
from sync_common.contracts.topics import COMPLIANCE_TOPIC
from sync_common.db import Database
from sync_common.runtime import ManualClock

from .builders import OF_TOPIC, SHOP, Records, at


class World(Records):
    """Everything a test does to the writer: messages in, rows and owed events out."""

    def __init__(
        self, database: Database, url: str, superuser: psycopg.AsyncConnection[dict[str, Any]]
    ) -> None:
        self.database = database
        self.superuser = superuser
        self.url = url
        self.clock = ManualClock(at(0))
        self.hasher = Hasher(b"a secret of the tests, long enough")
        self.handlers = {resource: RecordHandler(resource, self.hasher, self.clock) for resource in Resource}
        self._offset = 0

    def webhook(
        self,
        topic: str,
        body: dict[str, Any],
        observed: float,
        *,
        shop: str = SHOP,
        webhook_id: str | None = None,
    ) -> RawRecord:
        value = msgspec.json.encode(body)
        resource = next(found for prefix, found in OF_TOPIC.items() if topic.startswith(prefix))
        return RawRecord(
            type=RecordType.DELIVERED,
            resource=resource,
            shop=shop,
            record_id=str(body.get("id", "1")),
            observed_at=at(observed),
            body=value,
            shape=Shape.REST,
            event_id=uuid4().hex,
            source="webhook-ingest",
            occurred_at=at(observed),
            digest=sha256(value).hexdigest(),
            webhook_topic=topic,
            webhook_id=webhook_id or uuid4().hex,
            triggered_at=at(observed),
        )

    def read(
        self,
        resource: Resource,
        body: dict[str, Any],
        observed: float,
        *,
        job_id: int | None = 5,
        store_id: int = 1,
        advertiser_id: int = 10,
        shop: str = SHOP,
        epoch: int = 1,
    ) -> RawRecord:
        """Return a record read by a job, or by id where job_id is None."""
        return fetched(
            resource=resource,
            shop=shop,
            record_id=str(body["legacyResourceId"]),
            body=msgspec.json.encode(body),
            observed_at=at(observed),
            now=at(observed),
            source="sync-orchestrator",
            api_version="2026-10",
            store_id=None if job_id is None else store_id,
            advertiser_id=None if job_id is None else advertiser_id,
            job_id=job_id,
            epoch=None if job_id is None else epoch,
        )

    def gone(self, resource: Resource, number: int, observed: float, shop: str = SHOP) -> RawRecord:
        return fetched(
            resource=resource,
            shop=shop,
            record_id=str(number),
            body=b"",
            observed_at=at(observed),
            now=at(observed),
            source="sync-orchestrator",
            api_version="2026-10",
            gone=True,
        )

    def restored(
        self, resource: Resource, number: int, observed: float, *, store_id: int = 1, advertiser_id: int = 10
    ) -> RawRecord:
        """Return the undoing of a record's deletion in one store."""
        return restored(
            resource=resource,
            shop=SHOP,
            record_id=str(number),
            store_id=store_id,
            advertiser_id=advertiser_id,
            observed_at=at(observed),
            now=at(observed),
            source="sync-orchestrator",
        )

    def mark(self, resource: Resource, *, partition: int = 0, epoch: int = 1) -> RawRecord:
        """Return the end of a part of job 5, as one partition gets it."""
        return part_ended(
            resource=resource,
            shop=SHOP,
            store_id=1,
            advertiser_id=10,
            job_id=5,
            epoch=epoch,
            partition=partition,
            now=at(0),
            source="sync-orchestrator",
        )

    def message(self, raw: RawRecord, partition: int = 0) -> Message:
        self._offset += 1
        return Message(
            topic=f"shopify.{raw.resource}.{'sync' if raw.job_id else 'live'}.v1",
            partition=partition,
            offset=self._offset,
            key=record_key(raw.shop, raw.record_id),
            value=raw.body,
            headers=raw.envelope().to_headers(),
            timestamp_ms=0,
        )

    async def write(self, *raws: RawRecord, partition: int = 0) -> Sequence[Outcome]:
        """Hand records to the writer as one batch, as the bus would: one transaction."""
        handle = in_transaction(self.database, self.handlers[raws[0].resource])
        return await handle([self.message(raw, partition) for raw in raws])

    def request(self, topic: str, body: dict[str, Any], observed: float, *, shop: str = SHOP) -> Message:
        """Return a compliance request as the bus hands it over."""
        value = msgspec.json.encode({"shop_domain": shop, **body})
        webhook = ShopWebhook(
            topic=topic,
            shop=shop,
            observed_at=at(observed),
            body=value,
            event_id=uuid4().hex,
            source="webhook-ingest",
            occurred_at=at(observed),
            digest=sha256(value).hexdigest(),
            webhook_id=uuid4().hex,
        )
        headers = webhook.envelope().to_headers()
        return Message(COMPLIANCE_TOPIC, 0, 0, shop.encode(), value, headers, 0)

    async def comply(self, topic: str, body: dict[str, Any], observed: float, *, shop: str = SHOP) -> Outcome:
        """Hand one compliance request to its handler, as the bus would."""
        return await self.hand_over(self.request(topic, body, observed, shop=shop))

    async def hand_over(self, request: Message, *, after_restore: bool = False) -> Outcome:
        """Hand a request to its handler, for the first time or again."""
        (outcome,) = await self.comply_with(request, after_restore=after_restore)
        return outcome

    async def comply_with(self, *requests: Message, after_restore: bool = False) -> Sequence[Outcome]:
        """Hand compliance requests that are made already to their handler, in one transaction."""
        handler = one_by_one(ComplianceHandler(self.hasher, self.clock, after_restore=after_restore))
        return await in_transaction(self.database, handler)(requests)

    def upkeep(self) -> Upkeep:
        return Upkeep(self.database, self.clock, sweep_seconds=1)

    async def sweep(self) -> int:
        return await self.upkeep().sweep(asyncio.Event())

    async def execute(self, statement: str, **parameters: Any) -> None:
        """Change what the neighbours' views say."""
        await self.superuser.execute(statement.encode(), parameters)

    async def rows(self, statement: str, **parameters: Any) -> list[dict[str, Any]]:
        """Return rows as the superuser sees them."""
        async with await psycopg.AsyncConnection.connect(
            self.url, row_factory=dict_row, autocommit=True
        ) as connection:
            return await (await connection.execute(statement.encode(), parameters)).fetchall()

    async def row(self, table: str, external_id: object, store_id: int = 1) -> dict[str, Any]:
        """Return one mirrored row, or an empty dict."""
        found = await self.rows(
            f"SELECT *, xmin::text FROM records.{table} WHERE source_id = %(store)s AND external_id = %(id)s",
            store=store_id,
            id=str(external_id),
        )
        return found[0] if found else {}

    async def rows_as(
        self, role: str, statement: str, *, advertiser_id: int | None = None
    ) -> list[dict[str, Any]]:
        """Return rows as another service sees them, for one advertiser where given."""
        url = replace_database(self.url, self.url.rsplit("/", 1)[1], role)
        async with await psycopg.AsyncConnection.connect(url, row_factory=dict_row) as connection:
            setting = "" if advertiser_id is None else str(advertiser_id)
            await connection.execute("SELECT set_config('app.advertiser_id', %s, true)", [setting])
            return await (await connection.execute(statement.encode())).fetchall()

    async def books(self, **only: Any) -> list[dict[str, Any]]:
        """Return the jobs' books as the orchestrator reads them."""
        books = "SELECT * FROM records.job_books_v1 ORDER BY job_id, resource, epoch"
        rows = await self.rows_as("svc_sync_orchestrator", books)
        return [row for row in rows if only.items() <= row.items()]

    async def refetches(self) -> list[tuple[str, str, tuple[str, ...]]]:
        """Return the refetches owed so far: resource, reason and ids."""
        events = [
            RefetchRequested.model_validate_json(row["body"])
            for row in await self.rows(
                "SELECT body FROM records.outbox WHERE topic = 'refetch.requested.v1' ORDER BY id"
            )
        ]
        return [(event.resource, event.reason, event.record_ids) for event in events]
