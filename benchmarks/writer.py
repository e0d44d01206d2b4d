"""The writer's whole handler path against raw COPY and upsert of the same rows, mapped beforehand."""

import asyncio
import gc
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import psycopg
from rich.console import Console
from rich.table import Table

from benchmarks.measure import Cost, measured, table
from benchmarks.records import ADVERTISER_ID, SHOP, STORE_ID, Body, bodies, changed, messages
from local_stack import schema
from local_stack.parts import postgres_server
from local_stack.postgres import replace_database
from local_stack.repository import POSTGRES_SQL, migrations_of, scratch_folder
from record_writer.domain.redaction import Hasher
from record_writer.handlers import RecordHandler
from sync_common.bus import Done, Message, in_transaction
from sync_common.contracts.resources import Resource
from sync_common.contracts.stack import SERVICES
from sync_common.contracts.topics import RECORD_WRITER
from sync_common.db import Database
from sync_common.db.migrations import upgrade
from sync_common.runtime import SystemClock

COUNTS = {Resource.CUSTOMERS: 10_000, Resource.ORDERS: 10_000, Resource.PRODUCTS: 2_000}
BATCH_RECORDS = 1_000
PASSES = ("fresh", "all changed", "all equal")
TABLES = {Resource.CUSTOMERS: "contacts", Resource.ORDERS: "orders", Resource.PRODUCTS: "products"}

# What the writer reads of its neighbours, by their contract.
NEIGHBOURS = f"""
CREATE TABLE gateway.stores_v1 AS SELECT {STORE_ID}::bigint AS store_id, {ADVERTISER_ID}::bigint AS advertiser_id,
    '{SHOP}' AS shop_domain, ''::text AS name, 'erase' AS redact_preference;
CREATE TABLE fetcher.installations_v1 AS SELECT {STORE_ID}::bigint AS store_id,
    {ADVERTISER_ID}::bigint AS advertiser_id, 1::bigint AS installation_id, '{SHOP}' AS shop_domain,
    'connected' AS status, 1 AS generation, '2026-01-01Z'::timestamptz AS connected_at,
    NULL::timestamptz AS disconnected_at, 1::bigint AS shopify_shop_id;
GRANT SELECT ON gateway.stores_v1, fetcher.installations_v1 TO svc_record_writer;
"""


def run(console: Console) -> None:
    """Print, per resource and kind of batch, both sides' throughput and our CPU per record."""
    with scratch_folder("bench-writer") as folder:
        server = postgres_server(folder, port=0)
        try:
            _on_server(server.address, console)
        finally:
            server.stop()


def _on_server(address: str, console: Console) -> None:
    name = f"bench_{uuid4().hex[:8]}"
    url = schema.create_database(address, name)
    try:
        _prepare(url, folder=migrations_of(RECORD_WRITER), name=name)
        console.print(asyncio.run(_measure(url)))
    finally:
        schema.drop_database(address, name)


def _prepare(url: str, *, folder: Path, name: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute((POSTGRES_SQL / "roles.sql").read_bytes())
    role = SERVICES[RECORD_WRITER].migration_role
    upgrade(replace_database(url, name, role), migrations=folder, schema="records")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(NEIGHBOURS.encode())


async def _measure(url: str) -> Table:
    shown = table(
        f"writer: batches of {BATCH_RECORDS:,}, each committed",
        "", "records", "COPY+upsert rec/s", "ours rec/s", "ratio", "our Python CPU µs",
    )  # fmt: skip
    made = bodies(COUNTS)
    gc.collect()
    gc.freeze()  # the service has no such heap for the collector to scan
    runtime_url = replace_database(url, url.rsplit("/", 1)[1], SERVICES[RECORD_WRITER].runtime_role)
    database = Database.from_url(runtime_url, application_name="bench", pool_size=2)
    try:
        for number, resource in enumerate(COUNTS):
            ours, rows = await _ours(database, url, resource, made[resource], first_job=1 + 3 * number)
            raw = _raw(url, TABLES[resource], rows)
            for name, our, limit in zip(PASSES, ours, raw, strict=True):
                shown.add_row(
                    f"{resource}, {name}", f"{our.records:,}", f"{limit.per_second:,.0f}", f"{our.per_second:,.0f}",
                    f"{our.per_second / limit.per_second:.2f}", f"{our.cpu_micros:.0f}",
                )  # fmt: skip
    finally:
        await database.close()
    return shown


async def _ours(
    database: Database, url: str, resource: Resource, records: Sequence[Body], *, first_job: int
) -> tuple[list[Cost], list[list[bytes]]]:
    """Hand each pass to the handler; return the costs, and the rows after each pass as batches of COPY text."""
    handle = in_transaction(
        database, RecordHandler(resource, Hasher(b"a secret of the benchmark, long enough"), SystemClock())
    )
    edited = changed(resource, records)
    costs, rows = [], []
    for job_id, some in enumerate((records, edited, edited), start=first_job):
        batches = _batches(messages(resource, some, job_id=job_id))
        _settle(url, TABLES[resource])
        with measured(len(records)) as cost:
            for batch in batches:
                assert set(await handle(batch)) == {Done()}, "a record was refused"
        costs.append(cost)
        rows.append(_copied_out(url, TABLES[resource]))
    return costs, rows


def _batches(batch: Sequence[Message]) -> list[Sequence[Message]]:
    return [batch[start : start + BATCH_RECORDS] for start in range(0, len(batch), BATCH_RECORDS)]


def _raw(url: str, name: str, rows: Sequence[Sequence[bytes]]) -> list[Cost]:
    """Write the same rows into the same emptied table with nothing but COPY and one upsert a batch."""
    columns = _columns(url, name)
    listed = ", ".join(columns)
    assignments = ", ".join(f"{column} = excluded.{column}" for column in columns)
    upsert = f"""INSERT INTO records.{name} AS stored ({listed}) SELECT {listed} FROM staged
        ON CONFLICT (advertiser_id, source_type, source_id, external_id) DO UPDATE SET {assignments}
        WHERE stored.content_hash IS DISTINCT FROM excluded.content_hash"""  # noqa: S608
    costs = []
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"TRUNCATE records.{name} CASCADE".encode())
        for batches in rows:
            _settle(url, name)
            with measured(sum(batch.count(b"\n") for batch in batches)) as cost:
                for batch in batches:
                    with connection.transaction():
                        connection.execute(
                            f"""CREATE TEMPORARY TABLE staged ON COMMIT DROP AS
                                SELECT {listed} FROM records.{name} WITH NO DATA""".encode()  # noqa: S608
                        )
                        with connection.cursor().copy(f"COPY staged ({listed}) FROM STDIN".encode()) as copy:
                            copy.write(batch)
                        connection.execute(upsert.encode())
            costs.append(cost)
    return costs


def _columns(url: str, name: str) -> list[str]:
    """Return the columns that can be written."""
    query = """SELECT column_name FROM information_schema.columns
               WHERE table_schema = 'records' AND table_name = %s AND is_generated = 'NEVER' AND is_identity = 'NO'
               ORDER BY ordinal_position"""
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute(query, [name])]


def _copied_out(url: str, name: str) -> list[bytes]:
    columns = ", ".join(_columns(url, name))
    query = f"COPY (SELECT {columns} FROM records.{name} ORDER BY id) TO STDOUT"  # noqa: S608
    with psycopg.connect(url) as connection, connection.cursor().copy(query.encode()) as copy:
        lines = b"".join(bytes(part) for part in copy).splitlines(keepends=True)
    return [b"".join(lines[start : start + BATCH_RECORDS]) for start in range(0, len(lines), BATCH_RECORDS)]


def _settle(url: str, name: str) -> None:
    """Give both sides the same start: statistics fresh, no checkpoint due."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"VACUUM ANALYZE records.{name}".encode())
        connection.execute("CHECKPOINT")
