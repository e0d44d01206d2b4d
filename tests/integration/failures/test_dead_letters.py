"""Poisoned records are set aside and accounted for; once their cause is gone, an operator's replay makes them whole."""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest

from local_stack.platform import Platform, Row, eventually
from local_stack.stack import Login, Stack
from sync_common.bus import Producer
from sync_common.contracts.records import fetched, record_key
from sync_common.contracts.resources import SHOPIFY_API_VERSION, Resource
from sync_common.contracts.topics import RECORD_WRITER, SYNC_ORCHESTRATOR, dead_letter_topic, sync_topic

from ..invariants import broken
from ..mirror import WINDOW, differences

PRODUCTS = sync_topic(Resource.PRODUCTS)
ORDERS = sync_topic(Resource.ORDERS)
OUTCOMES = ("created", "updated", "unchanged", "skipped", "failed")
NO_JOB_OF_OURS = 1_000_000_000


@pytest.mark.timeout(240)
async def test_replay_makes_a_sync_whole_once_the_cause_of_a_failure_is_gone(
    stack: Stack, platform: Platform, login: Login, shop: str, connect: Callable[[Login, str], Row]
) -> None:
    """As when a column was too narrow for what Shopify sends, and a release has widened it."""
    platform.create_shop(shop, customers=20, orders=20, products=8)
    since = datetime.now(UTC) - WINDOW
    poison = platform.truth(shop, "products")[3]["legacyResourceId"]
    change_products(platform, f"ADD CONSTRAINT narrow CHECK (external_id <> '{poison}')")
    try:
        store = connect(login, shop)
        job = platform.wait_for_job(store["store_id"])
    finally:
        change_products(platform, "DROP CONSTRAINT narrow")

    assert (job["status"], job["records_failed"]["products"]) == ("completed", 1)
    assert failures(platform, job["job_id"]) == [(poison, None, "the database cannot hold it")]
    assert books(platform, job["job_id"]) == {"created": 7, "failed": 1}
    [letter] = [line for line in shopctl(stack, "list", "--topic", PRODUCTS) if f"{shop}/{poison}" in line]
    assert "CheckViolation: the database cannot hold it" in letter
    place = letter.split()[0]

    replayed = shopctl(stack, "replay", place, "--because", "the column is wide enough now")
    eventually(
        lambda: "failed" not in books(platform, job["job_id"]),
        within_seconds=30,
        what="the failure became a success",
    )

    whole = books(platform, job["job_id"])
    # The check that follows the sync reads the product too, and may come before the replay.
    assert whole in ({"created": 8}, {"created": 7, "unchanged": 1})
    assert replayed[-1].startswith("1 replayed, 0 skipped")
    assert failures(platform, job["job_id"]) == []
    assert differences(platform, shop, store["store_id"], orders_since=since) == []

    handled = records_handled(stack, PRODUCTS)
    assert shopctl(stack, "replay", place)[-1].startswith("0 replayed, 1 skipped")
    assert shopctl(stack, "replay", place, "--again")[-1].startswith("1 replayed")
    eventually(
        lambda: records_handled(stack, PRODUCTS) > handled, within_seconds=30, what="the writer had it again"
    )

    assert books(platform, job["job_id"]) == whole
    assert differences(platform, shop, store["store_id"], orders_since=since) == []
    assert [line.split("  ")[1] for line in shopctl(stack, "audit") if place in line] == [
        f"operator replayed {place}"
    ] * 2
    assert broken(platform) == {}


@pytest.mark.timeout(180)
async def test_poisoned_records_are_told_by_coordinates_and_stay_so_when_replayed_too_early(
    stack: Stack, platform: Platform, login: Login, shop: str, connect: Callable[[Login, str], Row]
) -> None:
    platform.create_shop(shop, customers=2, orders=2, products=2)
    store = connect(login, shop)
    platform.wait_for_job(store["store_id"])

    await publish(
        stack, shop, store, {"91": b'{"id": "gid://shopify/Order/91", "createdAt": 5}', "92": b"[1, 2]"}
    )
    eventually(
        lambda: books(platform, NO_JOB_OF_OURS) == {"failed": 2},
        within_seconds=30,
        what="both were noted as failed",
    )

    assert [
        (record, bool(field), bool(reason)) for record, field, reason in failures(platform, NO_JOB_OF_OURS)
    ] == [
        ("91", True, True),
        ("92", True, True),
    ]
    letters = [line for line in shopctl(stack, "list", "--topic", ORDERS) if shop in line]
    assert [f"{shop}/9{number} orders/9{number}" in letters[number - 1] for number in (1, 2)] == [True, True]
    assert all(f"from {ORDERS}/" in line and "InvalidRecord" in line for line in letters)
    place = letters[0].split()[0]

    shopctl(stack, "replay", place)
    again = eventually(
        lambda: [line for line in shopctl(stack, "list", "--topic", ORDERS) if f"replay of {place}" in line],
        within_seconds=30,
        what="it was rejected again",
    )

    assert f"{shop}/91 orders/91  InvalidRecord" in again[0]
    assert books(platform, NO_JOB_OF_OURS) == {"failed": 2}
    assert place.startswith(dead_letter_topic(ORDERS, RECORD_WRITER))


def shopctl(stack: Stack, *arguments: str) -> list[str]:
    """Run `shopctl dlq …` and return the lines it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "shopctl", "dlq", *arguments],
        env={"SHOPCTL_KAFKA_BOOTSTRAP": stack.addresses.kafka_bootstrap, "USER": "operator", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def change_products(platform: Platform, how: str) -> None:
    """Change the table as a migration does."""
    with platform.database() as connection:
        connection.execute(f"ALTER TABLE records.products {how}".encode())


async def publish(stack: Stack, shop: str, store: Row, bodies: dict[str, bytes]) -> None:
    """Publish orders for a job that no orchestrator knows, so that no other job's books are touched."""
    producer, now = Producer(stack.addresses.kafka_bootstrap, "test"), datetime.now(UTC)
    try:
        for record_id, body in bodies.items():
            record = fetched(
                resource=Resource.ORDERS, shop=shop, record_id=record_id, body=body, observed_at=now, now=now,
                source=SYNC_ORCHESTRATOR, api_version=SHOPIFY_API_VERSION, store_id=store["store_id"],
                advertiser_id=store["advertiser_id"], job_id=NO_JOB_OF_OURS, epoch=1,
            )  # fmt: skip
            await producer.send(ORDERS, record_key(shop, record_id), body, record.envelope().to_headers())
    finally:
        await producer.stop()


def books(platform: Platform, job_id: int) -> dict[str, int]:
    """Return a job's counts of the resource that is poisoned here, without the zeros."""
    resource = "orders" if job_id == NO_JOB_OF_OURS else "products"
    rows = platform.rows(
        "SELECT * FROM records.job_books_v1 WHERE job_id = %s AND resource = %s", job_id, resource
    )
    return {name: int(row[name]) for row in rows for name in OUTCOMES if row[name] != Decimal(0)}


def failures(platform: Platform, job_id: int) -> list[tuple[str, str | None, str]]:
    """Return what the ledger says of a job's failed records."""
    rows = platform.rows(
        "SELECT record_id, field, reason FROM records.failures_v1 WHERE job_id = %s ORDER BY record_id",
        job_id,
    )
    return [(row["record_id"], row["field"], row["reason"]) for row in rows]


def records_handled(stack: Stack, topic: str) -> int:
    """Return how many records of a topic the writer has dealt with."""
    metrics = httpx.get(f"{stack.addresses.ops_url(RECORD_WRITER)}/metrics", trust_env=False).text
    counts = [line for line in metrics.splitlines() if line.startswith("bus_records_total") and topic in line]
    return sum(int(float(line.split()[-1])) for line in counts)
