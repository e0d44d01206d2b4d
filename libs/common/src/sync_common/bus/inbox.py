"""Events seen: for effects that have no unique key of their own."""

from datetime import datetime
from typing import Final

from sqlalchemy import Column, DateTime, MetaData, Table, Text, delete
from sqlalchemy.dialects.postgresql import insert

from sync_common.bus.transactions import Transaction

_DDL: Final = """
CREATE TABLE {schema}.inbox (
    event_id text NOT NULL,
    consumer text NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (event_id, consumer)
);
CREATE INDEX inbox_received ON {schema}.inbox (received_at);
"""


def inbox_ddl(schema: str) -> str:
    """Return the statements that make a schema's inbox, for its migration."""
    return _DDL.format(schema=schema)


def inbox_table(metadata: MetaData, schema: str) -> Table:
    """Return the Core table of a schema's inbox."""
    return Table(
        "inbox",
        metadata,
        Column("event_id", Text, primary_key=True),
        Column("consumer", Text, primary_key=True),
        Column("received_at", DateTime(timezone=True), nullable=False),
        schema=schema,
    )


async def first_time(tx: Transaction, table: Table, event_id: str, consumer: str, now: datetime) -> bool:
    """Note an event as seen by `consumer`; False when it was. A concurrent duplicate waits for this transaction."""
    statement = (
        insert(table)
        .values(event_id=event_id, consumer=consumer, received_at=now)
        .on_conflict_do_nothing()
        .returning(table.c.event_id)
    )
    return (await tx.execute(statement)).first() is not None


async def forget(tx: Transaction, table: Table, before: datetime) -> int:
    """Delete what was seen before an instant older than the topics' retention; return how many."""
    return (await tx.execute(delete(table).where(table.c.received_at < before))).rowcount
