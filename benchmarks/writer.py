"""The record-writer from Kafka to committed rows, against raw COPY and upsert of the same rows, ledger included."""

import asyncio
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import httpx
import psutil
import psycopg
from rich.console import Console

from benchmarks.measure import Cost, measured, table
from benchmarks.records import (
    ADVERTISER_ID,
    LIMIT_ADVERTISER_ID,
    LIMIT_STORE_ID,
    SHOP,
    STORE_ID,
    Body,
    copies,
    edited,
    messages,
    samples,
)
from local_stack import schema
from local_stack.parts import kafka_server, postgres_server
from local_stack.postgres import replace_database
from local_stack.processes import Process, free_port, start
from local_stack.repository import LOCAL, POSTGRES_SQL, migrations_of, scratch_folder
from sync_common.bus import Message, Producer
from sync_common.bus.topics import ensure_topics
from sync_common.contracts.resources import Resource
from sync_common.contracts.stack import SERVICES
from sync_common.contracts.topics import RECORD_WRITER, sync_topic
from sync_common.db.migrations import upgrade

COUNTS = {Resource.CUSTOMERS: 60_000, Resource.ORDERS: 40_000, Resource.PRODUCTS: 20_000}
BATCH_RECORDS = 2_000
TABLES = {Resource.CUSTOMERS: "contacts", Resource.ORDERS: "orders", Resource.PRODUCTS: "products"}
SECONDS_MAX = 600.0
Seen = TypeVar("Seen")
FILL_RECORDS, FIRST_FILLER, FILLERS = 1_000, 1_000, 50
"""The other tenants of a table."""

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


@dataclass(frozen=True)
class Place:
    """Where a benchmark of the writer runs."""

    kafka: str
    url: str
    folder: Path

    def writer_url(self) -> str:
        """Return the address under the service's own role."""
        return replace_database(self.url, self.url.rsplit("/", 1)[1], SERVICES[RECORD_WRITER].runtime_role)

    def writer(self, **settings: str) -> Process:
        """Start the service as a process of its own."""
        environment = {
            "WRITER_KAFKA_BOOTSTRAP": self.kafka,
            "WRITER_DATABASE_URL": self.writer_url(),
            "WRITER_REDACTION_KEY": "a secret of the benchmark, long enough",
            "WRITER_ENVIRONMENT": "development",
            "WRITER_OPS_PORT": "0",
            "WRITER_LOG_LEVEL": "warning",
            **settings,
        }
        name = f"writer-{uuid4().hex[:6]}"
        command = [sys.executable, "-m", "record_writer"]
        return start(name, command, log_path=self.folder / "logs" / f"{name}.log", env=environment)


@contextmanager
def writers_place(name: str) -> Iterator[Place]:
    """Give a Kafka, a PostgreSQL and a database with the writer's schema."""
    with scratch_folder(name) as folder:
        kafka = kafka_server(folder, cache=LOCAL / "cache", port=0)
        try:
            asyncio.run(ensure_topics(kafka.address))
            postgres = postgres_server(folder, port=0)
            try:
                database = f"bench_{uuid4().hex[:8]}"
                url = schema.create_database(postgres.address, database)
                _prepare(url, database)
                yield Place(kafka.address, url, folder)
            finally:
                postgres.stop()
        finally:
            kafka.stop()


def _prepare(url: str, name: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute((POSTGRES_SQL / "roles.sql").read_bytes())
    role = SERVICES[RECORD_WRITER].migration_role
    upgrade(replace_database(url, name, role), migrations=migrations_of(RECORD_WRITER), schema="records")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(NEIGHBOURS.encode())
        connection.execute("ALTER SYSTEM SET autovacuum = off")  # `settle` does its work, between the runs
        connection.execute("SELECT pg_reload_conf()")


def run(console: Console, *, sizes: Sequence[int] = (100_000,), counts: dict[Resource, int] = COUNTS) -> None:
    """Print, per size of the tables, resource and kind of batch, both sides' throughput and where the CPU went."""
    made = {resource: samples(resource) for resource in counts}
    for size in sizes:
        with writers_place("bench-writer") as place:
            shown = table(
                f"writer: tables of {size:,} rows, batches of {BATCH_RECORDS:,}, from Kafka to committed rows",
                "", "records", "limit rec/s", "1 process rec/s", "ratio", "2 processes rec/s", "ratio",
                "limit PostgreSQL µs", "ours PostgreSQL µs", "ours Python µs", "MiB at most",
            )  # fmt: skip
            for number, (resource, count) in enumerate(counts.items()):
                fill(place, resource, made[resource], size, job_id=100 * number)
                for row in _resource(place, resource, made[resource], count, first_job=100 * number + 1):
                    shown.add_row(*row)
            console.print(shown)


def _resource(
    place: Place, resource: Resource, made: Sequence[Body], count: int, *, first_job: int
) -> Iterator[list[str]]:
    alone, together = (_passes(resource, copies(resource, made, count, after=n * 500_000)) for n in range(2))
    for job_id, (name, some) in zip(range(first_job, 100_000, 2), alone.items(), strict=False):
        # The machine is shared, and has better and worse minutes: the limit is measured after each of them.
        one = sync_job(place, resource, job_id, some)
        most = _limit_after(place, resource, job_id, number=0)
        two = sync_job(place, resource, job_id + 1, together[name], processes=2)
        most += _limit_after(place, resource, job_id, number=1)
        yield [
            f"{resource}, {name}", f"{len(some):,}", f"{most.per_second:,.0f}",
            f"{one.per_second:,.0f}", f"{one.per_second / most.per_second:.2f}",
            f"{two.per_second:,.0f}", f"{two.per_second / most.per_second:.2f}",
            f"{most.server_micros:.0f}", f"{one.server_micros:.0f}", f"{one.cpu_micros:.0f}",
            f"{max(one.memory_bytes_max, two.memory_bytes_max) / 2**20:.0f}",
        ]  # fmt: skip


def _passes(resource: Resource, bodies: Sequence[Body]) -> dict[str, Sequence[Body]]:
    changed = edited(resource, bodies, minutes=1)
    half, quarter = len(bodies) // 2, len(bodies) // 4
    return {
        "fresh": bodies,
        "all changed": changed,
        "all equal": changed,
        "mixed": [
            *changed[:half],
            *edited(resource, bodies[half : half + quarter], minutes=2),
            *copies(resource, bodies, quarter, after=int(bodies[0]["legacyResourceId"][-7:]) + 100_000),
        ],
    }


def fill(place: Place, resource: Resource, made: Sequence[Body], size: int, *, job_id: int) -> None:
    """Let the service write some records, and make rows of other tenants like them until the table has its size."""
    sync_job(place, resource, job_id, copies(resource, made, FILL_RECORDS, after=1_500_000))
    name = TABLES[resource]
    others = {
        "advertiser_id": f"{FIRST_FILLER} + number % {FILLERS}",
        "external_id": "row.external_id || number",
        "email": "number || row.email",
        "customer_external_id": "row.customer_external_id || number",
        "contact_id": "NULL",
        "updated_at": "now() - interval '2 days'",  # no sweep for late links looks at them
    }
    columns = _columns(place.url, name)
    values = ", ".join(others.get(column, f"row.{column}") for column in columns)
    with psycopg.connect(place.url, autocommit=True) as connection:
        connection.execute(
            f"""INSERT INTO records.{name} ({", ".join(columns)})
                SELECT {values} FROM records.{name} AS row
                CROSS JOIN generate_series(1, {size // FILL_RECORDS}) AS number
                WHERE row.advertiser_id = {ADVERTISER_ID} AND row.source_id = {STORE_ID}
            """.encode()  # noqa: S608
        )


@dataclass
class WriterCost(Cost):
    """A cost with what PostgreSQL spent, and the most memory that the writer held."""

    server_seconds: float = 0.0
    memory_bytes_max: int = 0

    def __add__(self, other: "WriterCost") -> "WriterCost":
        """Return the cost of both pieces of work."""
        return WriterCost(
            self.records + other.records,
            self.seconds + other.seconds,
            self.cpu_seconds + other.cpu_seconds,
            self.server_seconds + other.server_seconds,
            max(self.memory_bytes_max, other.memory_bytes_max),
        )

    @property
    def server_micros(self) -> float:
        """Return PostgreSQL's CPU microseconds for one record."""
        return 1e6 * self.server_seconds / self.records


async def publish(bootstrap: str, resource: Resource, batch: Iterable[Message]) -> None:
    """Put messages into the sync topic of a resource."""
    producer = Producer(bootstrap, "bench")
    await producer.start()
    try:
        sending = producer.batch()
        for message in batch:
            await sending.enqueue(
                sync_topic(resource), message.key, message.value or b"", list(message.headers)
            )
        await sending.flush()
    finally:
        await producer.stop()


def sync_job(
    place: Place, resource: Resource, job_id: int, bodies: Sequence[Body], *, processes: int = 1
) -> WriterCost:
    """Let the service write a job; the clock runs between its first batch and its last.

    The processes are held still while the job is put into Kafka, after all have joined.
    """
    settle(place.url)
    scope = {
        "WRITER_LANES": '["sync"]',
        "WRITER_RESOURCES": f'["{resource}"]',
        "WRITER_SYNC_CONSUMERS": "2" if processes == 1 else "1",  # two batches in hand either way
    }
    ports = [free_port() for _ in range(processes)]
    writers = [place.writer(WRITER_OPS_PORT=str(port), **scope) for port in ports]
    try:
        wait(lambda: _ready(writers, ports), bool)
        for writer in writers:
            psutil.Process(writer.pid).suspend()
        asyncio.run(publish(place.kafka, resource, messages(resource, bodies, job_id=job_id)))
        for writer in writers:
            psutil.Process(writer.pid).resume()
        with closing(psycopg.connect(place.url, autocommit=True)) as connection:
            first = wait(lambda: tally(connection, job_id), lambda seen: seen[0] > 0)
            before = _server_cpu(connection), _cpu_of_all(writers)
            last = wait(lambda: tally(connection, job_id), lambda seen: seen[0] >= len(bodies))
            after = _server_cpu(connection), _cpu_of_all(writers)
        assert last[0] == len(bodies), "every record is in the ledger once"
        memory = max(_memory_bytes_max(writer.pid) for writer in writers)
    finally:
        for writer in writers:
            writer.stop()
    return WriterCost(
        records=last[0] - first[0],
        seconds=last[1] - first[1],
        cpu_seconds=after[1] - before[1],
        server_seconds=_spent(before[0], after[0]),
        memory_bytes_max=memory,
    )


def _ready(writers: Sequence[Process], ports: Sequence[int]) -> bool:
    for writer in writers:
        assert writer.running, writer.log_tail()
    try:
        return all(httpx.get(f"http://127.0.0.1:{port}/readyz").is_success for port in ports)
    except httpx.TransportError:
        return False


def wait(look: Callable[[], Seen], until: Callable[[Seen], bool]) -> Seen:
    """Look until what is seen will do; return it."""
    deadline = time.monotonic() + SECONDS_MAX
    while not until(seen := look()):
        assert time.monotonic() < deadline, f"still {seen}"
        time.sleep(0.1)
    return seen


def tally(connection: "psycopg.Connection[Any]", job_id: int) -> tuple[int, float]:
    """Return how many records of a job are committed, and when the latest batch was."""
    row = connection.execute(
        """SELECT coalesce(sum(created + updated + unchanged + skipped + failed), 0)::integer,
                  coalesce(extract(epoch FROM max(created_at)), 0)::float
           FROM records.job_tallies WHERE advertiser_id = %s AND job_id = %s""",
        [ADVERTISER_ID, job_id],
    ).fetchone()
    assert row is not None
    return int(row[0]), float(row[1])


def _server_cpu(connection: "psycopg.Connection[Any]") -> dict[int, float]:
    """Return what each of the server's processes has spent."""
    server = psutil.Process(connection.info.backend_pid).parent()
    assert server is not None
    return {process.pid: _cpu_of(process) for process in (server, *server.children(recursive=True))}


def _spent(before: dict[int, float], after: dict[int, float]) -> float:
    """Return the CPU seconds between two looks; what ended in between was not about the work measured."""
    return sum(cpu - before.get(pid, 0.0) for pid, cpu in after.items())


def _cpu_of(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def _cpu_of_all(processes: Sequence[Process]) -> float:
    return sum(_cpu_of(psutil.Process(process.pid)) for process in processes)


def _memory_bytes_max(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    (peak,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(peak) * 1024


def limit(url: str, resource: Resource, rows: Sequence[bytes], ledger: Sequence[bytes]) -> WriterCost:
    """Write the same rows and ledger for another store, with nothing but COPY and one upsert a batch."""
    name = TABLES[resource]
    columns = _columns(url, name)
    listed = ", ".join(columns)
    assignments = ", ".join(f"{column} = excluded.{column}" for column in columns)
    upsert = f"""INSERT INTO records.{name} AS stored ({listed}) SELECT {listed} FROM staged
        ON CONFLICT (advertiser_id, source_type, source_id, external_id) DO UPDATE SET {assignments}
        WHERE stored.content_hash IS DISTINCT FROM excluded.content_hash"""  # noqa: S608
    staging = f"""CREATE TEMPORARY TABLE staged ON COMMIT DROP AS
        SELECT {listed} FROM records.{name} WITH NO DATA"""  # noqa: S608
    noting = (
        "COPY records.job_ledger (advertiser_id, store_id, job_id, resource, external_id, outcome) FROM STDIN"
    )
    cost = WriterCost()
    with psycopg.connect(url, autocommit=True) as connection:
        before = _server_cpu(connection)
        with measured(sum(batch.count(b"\n") for batch in rows)) as found:
            for batch, noted in zip(rows, ledger, strict=True):
                with connection.transaction():
                    connection.execute(staging.encode())
                    with connection.cursor().copy(f"COPY staged ({listed}) FROM STDIN".encode()) as copy:
                        copy.write(batch)
                    connection.execute(upsert.encode())
                    with connection.cursor().copy(noting.encode()) as copy:
                        copy.write(noted)
        cost.server_seconds = _spent(before, _server_cpu(connection))
    cost.records, cost.seconds, cost.cpu_seconds = found.records, found.seconds, found.cpu_seconds
    return cost


def _limit_after(place: Place, resource: Resource, job_id: int, *, number: int) -> WriterCost:
    """Return the limit for what a job wrote, as another store's rows."""
    rows, ledger = written(place.url, resource, job_id, number=number)
    settle(place.url)
    return limit(place.url, resource, rows, ledger)


def _columns(url: str, name: str) -> list[str]:
    """Return the columns that can be written."""
    query = """SELECT column_name FROM information_schema.columns
               WHERE table_schema = 'records' AND table_name = %s AND is_generated = 'NEVER' AND is_identity = 'NO'
               ORDER BY ordinal_position"""
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute(query, [name])]


def written(url: str, resource: Resource, job_id: int, *, number: int = 0) -> tuple[list[bytes], list[bytes]]:
    """Return what a job wrote, rows and ledger, as batches of COPY text for another store, the first or the next."""
    advertiser_id, store_id = LIMIT_ADVERTISER_ID + number, LIMIT_STORE_ID + number
    moved = {
        "advertiser_id": str(advertiser_id),
        "source_id": str(store_id),
        "contact_id": "contact.id",
    }
    name = TABLES[resource]
    listed = ", ".join(moved.get(column, f"written.{column}") for column in _columns(url, name))
    # An order's contact is the one of the other store that has the same number.
    contact = f"""LEFT JOIN records.contacts AS contact ON contact.advertiser_id = {advertiser_id}
        AND contact.source_type = 'ShopifyStore' AND contact.source_id = {store_id}
        AND contact.external_id = written.customer_external_id"""
    job = f"ledger.advertiser_id = {ADVERTISER_ID} AND ledger.job_id = {job_id}"
    rows = f"""SELECT {listed} FROM records.job_ledger AS ledger
        JOIN records.{name} AS written ON written.advertiser_id = ledger.advertiser_id
            AND written.source_type = 'ShopifyStore' AND written.source_id = ledger.store_id
            AND written.external_id = ledger.external_id
        {contact if resource is Resource.ORDERS else ""}
        WHERE {job} ORDER BY ledger.ctid"""  # noqa: S608
    ledger = f"""SELECT {advertiser_id}, {store_id}, job_id, resource, external_id, outcome
        FROM records.job_ledger AS ledger WHERE {job} ORDER BY ledger.ctid"""  # noqa: S608
    return _copied_out(url, rows), _copied_out(url, ledger)


def _copied_out(url: str, query: str) -> list[bytes]:
    with (
        psycopg.connect(url) as connection,
        connection.cursor().copy(f"COPY ({query}) TO STDOUT".encode()) as out,
    ):
        lines = b"".join(bytes(part) for part in out).splitlines(keepends=True)
    return [b"".join(lines[start : start + BATCH_RECORDS]) for start in range(0, len(lines), BATCH_RECORDS)]


def settle(url: str) -> None:
    """Give both sides the same start: statistics fresh, no checkpoint due."""
    with psycopg.connect(url, autocommit=True) as connection:
        for name in (*TABLES.values(), "job_ledger", "job_tallies"):
            connection.execute(f"VACUUM ANALYZE records.{name}".encode())
        connection.execute("CHECKPOINT")
