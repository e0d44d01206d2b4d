"""Pages and webhooks of all resources with one poison in a hundred, through real Kafka and the real process."""

import asyncio
from collections import Counter
from typing import Any, NamedTuple

import pytest
from aiokafka import ConsumerRecord

from sync_common.contracts.resources import Resource

from .alone import WriterAlone
from .load import JOB_ID, Sent, send

RECORDS = 20_000
SECONDS_MAX = 90
TABLES = {Resource.CUSTOMERS: "contacts", Resource.ORDERS: "orders", Resource.PRODUCTS: "products"}


class Loaded(NamedTuple):
    """A writer that has read a whole load, and what was set aside of it."""

    writer: WriterAlone
    sent: Sent
    set_aside: list[ConsumerRecord]


async def load(writer: WriterAlone, records: int, *, within_seconds: float) -> Loaded:
    """Send a load and wait until it is all read and committed."""
    sent = await send(writer.bootstrap, records)
    await writer.read_all(within_seconds=within_seconds)
    return Loaded(writer, sent, await writer.dead_letters())


@pytest.fixture(scope="module")
def loaded(writer: WriterAlone) -> Loaded:
    return asyncio.run(load(writer, RECORDS, within_seconds=SECONDS_MAX))


@pytest.mark.timeout(300)
def test_good_records_land_and_exactly_the_poison_is_set_aside(loaded: Loaded) -> None:
    assert_exact(loaded)


@pytest.mark.timeout(300)
async def test_topics_delivered_again_from_the_beginning_change_no_row_and_no_count(loaded: Loaded) -> None:
    writer, before = loaded.writer, loaded.writer.contents()

    writer.stop()
    await writer.read_from_the_beginning()
    behind = await writer.lag()
    writer.start()
    await writer.read_all(within_seconds=SECONDS_MAX)

    assert behind > RECORDS
    assert writer.contents() == before
    again = Counter(map(coordinates, await writer.dead_letters()))
    assert again == dict.fromkeys(loaded.sent.poison, 2)


def assert_exact(loaded: Loaded) -> None:
    """Compare what the writer holds and set aside with what it was sent."""
    writer, sent, set_aside = loaded
    for resource, table in TABLES.items():
        assert writer.ids(table) == sent.numbers(resource), table
    assert sorted(map(coordinates, set_aside)) == sorted(sent.poison)
    assert {coordinates(letter): letter.value for letter in set_aside} == sent.poison

    for resource, book in books_of(writer).items():
        good, bad = len(sent.good[resource, "sync"]), sent.poisoned[resource, "sync"]
        assert (book["created"], book["failed"], book["distinct_ids"]) == (good, bad, good + bad)
        assert (book["updated"], book["unchanged"], book["skipped"]) == (0, 0, 0)
    seen = writer.rows("SELECT count(*) AS number FROM records.deliveries WHERE outcome = 'created'")
    assert seen == [{"number": sum(len(sent.good[resource, "live"]) for resource in Resource)}]


def books_of(writer: WriterAlone) -> dict[Resource, dict[str, Any]]:
    """Return the job's book of each resource; one that is missing fails."""
    books = writer.rows(f"SELECT * FROM records.job_books_v1 WHERE job_id = {JOB_ID}")
    by_resource = {Resource(book["resource"]): book for book in books}
    assert by_resource.keys() == set(Resource)
    return by_resource


def coordinates(letter: ConsumerRecord) -> tuple[str, int, int]:
    """Return where a dead letter was read, by its own headers."""
    told = {name: value.decode() for name, value in letter.headers}
    return told["dlq_topic"], int(told["dlq_partition"]), int(told["dlq_offset"])
