"""Access tokens, refresh tokens and the client secret are found nowhere but in sealed columns."""

import base64
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psycopg
from aiokafka import AIOKafkaConsumer

from local_stack.browser import Browser
from local_stack.platform import Platform, Row
from local_stack.stack import Login, Stack
from sync_common.contracts.topics import OAUTH_GATEWAY, TOPICS


async def test_no_log_topic_table_or_error_page_holds_a_secret(
    stack: Stack,
    platform: Platform,
    login: Login,
    shop: str,
    connect: Callable[[Login, str], Row],
    log_folder: Path,
) -> None:
    platform.create_shop(shop, customers=20, orders=20, products=5)
    store = connect(login, shop)
    platform.wait_for_job(store["store_id"])
    platform.simulator("POST", f"/shops/{shop}/expire-tokens")  # so that a refreshed pair exists as well
    platform.mutate(shop, random=10, seed=1)
    with Browser() as browser:
        platform.log_in(browser, login)
        page = browser.open(f"/advertisers/{login.slug}/integrations/shopify")
        browser.submit(page.form(button="Sync Now"), button="Sync Now")
    platform.wait_for_job(store["store_id"], after=platform.jobs(store["store_id"])[-1]["job_id"])

    secrets = known_secrets(platform, stack)
    places: dict[str, bytes] = dict(logs(log_folder))
    places |= dict(tables(stack))
    places |= await topics(stack)
    places |= dict(error_pages(stack))

    assert len(secrets) >= 5
    assert any(b"gid://shopify/" in content for content in places.values()), "the search reads what it should"
    leaks = {
        place
        for place, content in places.items()
        for secret in secrets
        if any(form in content for form in written_forms(secret))
    }
    assert leaks == set()


def known_secrets(platform: Platform, stack: Stack) -> set[str]:
    answer = platform.simulator("GET", "/secrets")
    found = {
        value for values in answer.values() for value in ([values] if isinstance(values, str) else values)
    }
    ours = stack.secrets
    keys = {entry.partition(":")[2] for entry in (ours.master_keys, ours.sealing_keys)}
    return found | {ours.client_secret, ours.service_token, ours.loops_api_key} | keys


def written_forms(secret: str) -> tuple[bytes, ...]:
    """Return how a secret could stand somewhere: as it is, as a bytea's hex digits, in base64."""
    raw = secret.encode()
    return raw, raw.hex().encode(), base64.b64encode(raw).rstrip(b"=")


def logs(folder: Path) -> Iterator[tuple[str, bytes]]:
    # The simulator and the stub stand for others; their logs are held to the same rule all the same.
    for path in folder.iterdir():
        yield f"log {path.name}", path.read_bytes()


def tables(stack: Stack) -> Iterator[tuple[str, bytes]]:
    query = """SELECT schemaname || '.' || tablename FROM pg_tables
               WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"""
    with psycopg.connect(stack.database_url()) as connection:
        for (table,) in connection.execute(query).fetchall():
            with connection.cursor().copy(f"COPY {table} TO STDOUT".encode()) as copy:
                yield f"table {table}", b"".join(bytes(chunk) for chunk in copy)


async def topics(stack: Stack) -> dict[str, bytes]:
    names = [name for topic in TOPICS.values() for name in (topic.name, *topic.dead_letters)]
    consumer = AIOKafkaConsumer(
        *names,
        bootstrap_servers=stack.addresses.kafka_bootstrap,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=16 * 1024 * 1024,
    )
    await consumer.start()
    found: dict[str, bytearray] = {}
    try:
        ends = await consumer.end_offsets(consumer.assignment())
        while any([await consumer.position(tp) < end for tp, end in ends.items()]):
            for tp, records in (await consumer.getmany(timeout_ms=500)).items():
                content = found.setdefault(f"topic {tp.topic}", bytearray())
                for record in records:
                    content += (record.key or b"") + (record.value or b"")
                    content += b"".join(name.encode() + value for name, value in record.headers)
    finally:
        await consumer.stop()
    return {place: bytes(content) for place, content in found.items()}


def error_pages(stack: Stack) -> Iterator[tuple[str, bytes]]:
    base = stack.url(OAUTH_GATEWAY)
    for path in (
        "/auth/shopify/callback",
        "/auth/shopify/callback?code=x&shop=x.myshopify.com&state=y&hmac=z&timestamp=1",
        "/advertisers/none/integrations",
        "/nothing",
    ):
        response = httpx.get(base + path, trust_env=False, timeout=10)
        yield f"page {path} {response.status_code}", response.content + str(response.headers).encode()
