"""What each index of the mirror costs a row: every one alone beside the keys, none, and all together."""

from collections.abc import Sequence
from typing import Any

import psycopg
from rich.console import Console

from benchmarks.measure import table
from benchmarks.records import LIMIT_ADVERTISER_ID, copies, edited, samples
from benchmarks.writer import TABLES, Place, fill, limit, settle, sync_job, writers_place, written
from sync_common.contracts.resources import Resource

COUNT = 20_000
SIZE = 100_000

Batches = Sequence[bytes]


def run(console: Console) -> None:
    """Print, per resource and index, PostgreSQL's CPU for a new row and for a changed one, and the index's size."""
    shown = table(
        f"indexes: {COUNT:,} rows into tables of {SIZE:,}, COPY and upsert",
        "", "new row, PostgreSQL µs", "changed row, PostgreSQL µs", "bytes a row",
    )  # fmt: skip
    with writers_place("bench-indexes") as place:
        for number, resource in enumerate(Resource):
            new, changed, ledger = _rows(place, resource, first_job=1 + 10 * number)
            with psycopg.connect(place.url, autocommit=True) as connection:
                found = _dropped(connection, resource)
                scenes = {"no index but the keys": [], **{name: [made] for name, made in found.items()}}
                scenes["all of them"] = list(found.values())
                for name, made in scenes.items():
                    costs = _costs(place, connection, resource, made, (new, changed), ledger)
                    shown.add_row(f"{resource}: {name}", *costs)
    console.print(shown)


def _rows(place: Place, resource: Resource, *, first_job: int) -> tuple[Batches, Batches, Batches]:
    """Return the rows that the service makes of new records and of changed ones, as COPY text, and their ledger."""
    made = samples(resource)
    fill(place, resource, made, SIZE, job_id=first_job)
    bodies = copies(resource, made, COUNT)
    some = []
    for job_id, sent in enumerate((bodies, edited(resource, bodies, minutes=1)), start=first_job + 1):
        sync_job(place, resource, job_id, sent)
        some.append(written(place.url, resource, job_id))
    (new, ledger), (changed, _) = some
    return new, changed, ledger


def _dropped(connection: "psycopg.Connection[Any]", resource: Resource) -> dict[str, str]:
    """Drop a table's indexes that belong to no constraint; return how to make each again."""
    rows = connection.execute(
        """SELECT indexname, indexdef FROM pg_indexes
           WHERE schemaname = 'records' AND tablename = %s
             AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = ('records.' || indexname)::regclass)
           ORDER BY indexname""",
        [TABLES[resource]],
    ).fetchall()
    found = {str(name): str(definition) for name, definition in rows}
    _drop(connection, found)
    return found


def _drop(connection: "psycopg.Connection[Any]", names: Sequence[str] | dict[str, str]) -> None:
    for name in names:
        connection.execute(f"DROP INDEX records.{name}".encode())


def _costs(
    place: Place,
    connection: "psycopg.Connection[Any]",
    resource: Resource,
    made: Sequence[str],
    passes: tuple[Batches, Batches],
    ledger: Batches,
) -> list[str]:
    name = TABLES[resource]
    connection.execute(f"DELETE FROM records.{name} WHERE advertiser_id = {LIMIT_ADVERTISER_ID}".encode())  # noqa: S608
    for definition in made:
        connection.execute(definition.encode())
    costs = []
    for rows in passes:
        connection.execute(b"TRUNCATE records.job_ledger")
        settle(place.url)
        costs.append(f"{limit(place.url, resource, rows, ledger).server_micros:.1f}")
    names = [definition.split()[2] for definition in made]
    sizes = connection.execute(
        f"""SELECT coalesce(sum(pg_relation_size(('records.' || name)::regclass)), 0)::float
                   / (SELECT count(*) FROM records.{name})
            FROM unnest(%s::text[]) AS name""".encode(),  # noqa: S608
        [names],
    ).fetchone()
    _drop(connection, names)
    assert isinstance(sizes, tuple)
    return [*costs, f"{sizes[0]:.0f}"]
