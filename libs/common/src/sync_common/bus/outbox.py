"""Events owed: rows written in the transaction that makes them true, sent to Kafka afterwards, in order per key."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from prometheus_client import CollectorRegistry
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    MetaData,
    Row,
    Select,
    Table,
    Text,
    and_,
    delete,
    func,
    insert,
    not_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB

from sync_common.bus.errors import BusError
from sync_common.bus.events import event_body, event_envelope
from sync_common.bus.metrics import bus_metrics
from sync_common.bus.producer import Producer, refuse_oversize
from sync_common.bus.transactions import Transaction, Transactional
from sync_common.bus.waiting import pause
from sync_common.contracts.envelope import Envelope
from sync_common.contracts.events import Event

log = structlog.get_logger()

KEEP_SENT: Final = timedelta(days=1)
_CLAIMED_MAX: Final = 500
_PRUNED_MAX: Final = 5000
_PRUNE_SECONDS: Final = 60.0
_BACKOFF_SECONDS_MAX: Final = 10.0
_ROUND_SECONDS: Final = 60.0  # of which Kafka may take the producer's 30

_DDL: Final = """
CREATE TABLE {schema}.outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id text NOT NULL UNIQUE,
    topic text NOT NULL,
    key text NOT NULL,
    headers jsonb NOT NULL,
    body text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    sent_at timestamptz
);
CREATE INDEX outbox_unsent ON {schema}.outbox (id) WHERE sent_at IS NULL;
CREATE INDEX outbox_unsent_by_key ON {schema}.outbox (topic, key, id) WHERE sent_at IS NULL;
CREATE INDEX outbox_sent ON {schema}.outbox (sent_at) WHERE sent_at IS NOT NULL;
"""


def outbox_ddl(schema: str) -> str:
    """Return the statements that make a schema's outbox, for its migration."""
    return _DDL.format(schema=schema)


def outbox_table(metadata: MetaData, schema: str) -> Table:
    """Return the Core table of a schema's outbox."""
    return Table(
        "outbox",
        metadata,
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        Column("event_id", Text, nullable=False, unique=True),
        Column("topic", Text, nullable=False),
        Column("key", Text, nullable=False),
        Column("headers", JSONB, nullable=False),
        Column("body", Text, nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
        Column("sent_at", DateTime(timezone=True)),
        schema=schema,
    )


async def publish(
    tx: Transaction,
    table: Table,
    event: Event,
    *,
    source: str,
    now: datetime,
    causation: Envelope | None = None,
) -> str:
    """Owe an event: it is sent if and only if the caller's transaction commits. Return the event's id."""
    envelope = event_envelope(event, source=source, now=now, causation=causation)
    body = event_body(event)
    refuse_oversize(event.TOPIC, event.key().encode(), body, envelope.to_headers())
    await tx.execute(
        insert(table),
        {
            "event_id": envelope.id,
            "topic": event.TOPIC,
            "key": event.key(),
            "headers": {name: value.decode() for name, value in envelope.to_headers()},
            "body": body.decode(),
        },
    )
    return envelope.id


class OutboxRelay:
    """Send what is owed, at least once and in order per key.

    A round claims the oldest unsent row of each key. While one relay holds it, the rows behind it are nobody's,
    so a key's order survives any number of relays. The rows stay locked until Kafka has acknowledged them: a
    crash before the commit sends them again under the same event id.
    """

    def __init__(
        self,
        database: Transactional,
        table: Table,
        producer: Producer,
        interval: float = 0.2,
        *,
        registry: CollectorRegistry | None = None,
    ) -> None:
        self._database = database
        self._table = table
        self._producer = producer
        self._interval = interval
        self._metrics = bus_metrics(registry)
        self._name = f"{table.schema}.{table.name}"
        self._next_prune = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Send until stopped; outages are waited out."""
        failures = 0
        while not stop.is_set():
            try:
                async with asyncio.timeout(_ROUND_SECONDS):
                    sent = await self.send_round()
                    await self._prune_when_due()
            except Exception as error:
                outage = isinstance(error, (BusError, TimeoutError)) or self._database.is_transient(error)
                if not outage:
                    raise
                failures += 1
                log.warning("outbox_waits", kind=self._name, error=type(error).__name__, attempt=failures)
                await pause(stop, min(self._interval * 2**failures, _BACKOFF_SECONDS_MAX))
                continue
            failures = 0
            if not sent:
                await pause(stop, self._interval)

    async def send_round(self) -> int:
        """Send the oldest unsent row of every key, up to a limit; return how many."""
        table = self._table
        async with self._database.transaction() as tx:
            rows = (await tx.execute(self._claim)).all()
            oldest_seconds = max((float(row.age) for row in rows), default=0)
            self._metrics.outbox_oldest_seconds.labels(self._name).set(oldest_seconds)
            if not rows:
                return 0
            batch = self._producer.batch()
            for row in rows:
                await batch.enqueue(row.topic, row.key.encode(), row.body.encode(), _headers(row))
            await batch.flush()
            await tx.execute(
                update(table)
                .where(table.c.id.in_([row.id for row in rows]))
                .values(sent_at=func.clock_timestamp())
            )
        self._metrics.outbox_sent.labels(self._name).inc(len(rows))
        return len(rows)

    async def prune(self) -> int:
        """Delete rows sent more than a day ago, up to a limit; return how many."""
        table = self._table
        old = (
            select(table.c.id)
            .where(table.c.sent_at < func.clock_timestamp() - KEEP_SENT)
            .limit(_PRUNED_MAX)
            .with_for_update(skip_locked=True)
        )
        async with self._database.transaction() as tx:
            return (await tx.execute(delete(table).where(table.c.id.in_(old)))).rowcount

    @property
    def _claim(self) -> Select[Any]:
        table = self._table
        ahead = table.alias("ahead")
        one_ahead = select(ahead.c.id).where(
            and_(
                ahead.c.sent_at.is_(None),
                ahead.c.topic == table.c.topic,
                ahead.c.key == table.c.key,
                ahead.c.id < table.c.id,
            )
        )
        age = func.extract("epoch", func.clock_timestamp() - table.c.created_at).label("age")
        return (
            select(table, age)
            .where(table.c.sent_at.is_(None), not_(one_ahead.exists()))
            .order_by(table.c.id)
            .limit(_CLAIMED_MAX)
            .with_for_update(skip_locked=True, of=table)
        )

    async def _prune_when_due(self) -> None:
        clock = asyncio.get_running_loop().time()
        if clock >= self._next_prune:
            self._next_prune = clock + _PRUNE_SECONDS
            await self.prune()


def _headers(row: "Row[Any]") -> Sequence[tuple[str, bytes]]:
    """Return the Kafka headers of an outbox row."""
    return [(name, value.encode()) for name, value in row.headers.items()]
