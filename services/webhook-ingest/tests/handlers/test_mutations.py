"""Bodies and signatures with something changed: none is taken, and none is an error."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from itertools import islice

import pytest

from shopify_simulator.webhooks.rush import delivery, rush
from sync_common.bus import ensure_topics
from sync_common.contracts.stack import SERVICES

from ..process import SECRET, IngestProcess, published, running_process

EXAMPLES = files("shopify_simulator") / "webhooks" / "examples"
SIGNATURE = "X-Shopify-Hmac-Sha256"
TOPIC = "app/uninstalled"
"""Nothing else of this run's tests is published where this one goes."""


@pytest.fixture(scope="module")
def service(kafka_bootstrap: str) -> Iterator[IngestProcess]:
    asyncio.run(ensure_topics(kafka_bootstrap, topics=SERVICES["webhook-ingest"].produces))
    with running_process(kafka_bootstrap) as service:
        yield service


@pytest.mark.parametrize("count", [5_000, pytest.param(100_000, marks=pytest.mark.soak)])
async def test_nothing_that_was_changed_is_taken(service: IngestProcess, count: int) -> None:
    before = len(await published(service.bootstrap, "shopify.shop.v1"))
    statuses: Counter[int] = Counter()

    async with asyncio.timeout(120 + count / 100):
        await rush(
            "127.0.0.1",
            service.http_port,
            islice(_mutations(random.Random(4)), count),
            connections=16,
            on_answer=lambda number, status, seconds: statuses.update([status]),
        )

    assert statuses == {401: count}
    assert len(await published(service.bootstrap, "shopify.shop.v1")) == before


def _mutations(chance: random.Random) -> Iterator[bytes]:
    body = (EXAMPLES / "app_uninstalled.json").read_bytes()
    genuine = _delivery(body)
    signature = _signature_of(genuine)
    while True:
        yield _delivery(_with_a_changed_byte(body, chance), {SIGNATURE: signature})
        yield _delivery(body[: chance.randrange(len(body))], {SIGNATURE: signature})
        yield _delivery(body + chance.randbytes(chance.randrange(1, 40)), {SIGNATURE: signature})
        yield _delivery(body, {SIGNATURE: _with_a_changed_byte(signature.encode(), chance).decode("latin-1")})
        yield _delivery(body, {SIGNATURE: signature[: chance.randrange(len(signature))]})
        yield _delivery(body, {SIGNATURE: _signature_of(_delivery(body, secret=str(chance.random())))})
        yield genuine.replace(SIGNATURE.encode(), b"X-Other")
        yield genuine.replace(b"\r\nHost:", f"\r\n{SIGNATURE}: {signature}\r\nHost:".encode())


def _delivery(body: bytes, headers: dict[str, str] | None = None, *, secret: str = SECRET) -> bytes:
    return delivery(
        body, secret=secret, topic=TOPIC, shop="acme.myshopify.com", webhook_id="w-1", headers=headers
    )


def _signature_of(request: bytes) -> str:
    _, _, rest = request.partition(f"{SIGNATURE}: ".encode())
    return rest.partition(b"\r\n")[0].decode()


def _with_a_changed_byte(value: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(value))
    other = chance.choice([byte for byte in range(256) if byte != value[place]])
    return value[:place] + bytes([other]) + value[place + 1 :]
